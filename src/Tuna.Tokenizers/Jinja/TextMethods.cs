using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>Python's methods of texts.</summary>
internal static class TextMethods
{
    public static Func<Arguments, object?>? Find(string text, string name) => name switch
    {
        "strip" => a => Strip(text, a, start: true, end: true),
        "lstrip" => a => Strip(text, a, start: true, end: false),
        "rstrip" => a => Strip(text, a, start: false, end: true),
        "split" => a => Split(text, a, fromEnd: false),
        "rsplit" => a => Split(text, a, fromEnd: true),
        "splitlines" => a => Lines(text, a),
        "startswith" => a => Prefixes(a).Any(p => text.StartsWith(p, StringComparison.Ordinal)),
        "endswith" => a => Prefixes(a).Any(p => text.EndsWith(p, StringComparison.Ordinal)),
        "replace" => a => Replace(a.Interpreter, text, a.Text("old"), a.Text("new"), a.Integer("count", -1)),
        "upper" => a => Upper(a.Interpreter, text),
        "lower" => a => Lower(a.Interpreter, text),
        "capitalize" => a => Capitalize(a.Interpreter, text),
        "title" => a => Title(a.Interpreter, text),
        "join" => a => Join(a.Interpreter, text, a.Interpreter.Items(a.Required("iterable"))),
        "find" => a => Position(text, text.IndexOf(a.Text("sub"), StringComparison.Ordinal)),
        "rfind" => a => Position(text, text.LastIndexOf(a.Text("sub"), StringComparison.Ordinal)),
        "index" => a => Position(text, text.IndexOf(a.Text("sub"), StringComparison.Ordinal)) is >= 0 and var at
            ? at : throw a.Interpreter.Error("index: the text is not there."),
        "rindex" => a => Position(text, text.LastIndexOf(a.Text("sub"), StringComparison.Ordinal)) is >= 0 and var at
            ? at : throw a.Interpreter.Error("rindex: the text is not there."),
        "count" => a => Count(text, a.Text("sub")),
        "removeprefix" => a => a.Text("prefix") is var p && text.StartsWith(p, StringComparison.Ordinal) ? text[p.Length..] : text,
        "removesuffix" => a => a.Text("suffix") is var s && text.EndsWith(s, StringComparison.Ordinal) ? text[..^s.Length] : text,
        "partition" => a => Partition(text, a.Text("sep"), last: false),
        "rpartition" => a => Partition(text, a.Text("sep"), last: true),
        "zfill" => a => Pad(a.Interpreter, text, a.Integer("width", 0), '0', name),
        "ljust" or "rjust" or "center" => a => Pad(a.Interpreter, text, a.Integer("width", 0), Fill(a), name),
        "isdigit" => a => All(a, text, char.IsAsciiDigit),
        "isalpha" => a => All(a, text, char.IsAsciiLetter),
        "isalnum" => a => All(a, text, char.IsAsciiLetterOrDigit),
        "isascii" => _ => text.All(char.IsAscii),
        "isspace" => _ => text.Length > 0 && text.All(PythonText.IsSpace),
        "isupper" => a => Cased(a.Interpreter, text, upper: true),
        "islower" => a => Cased(a.Interpreter, text, upper: false),
        "format" => a => Formatting.Braces(a, text),
        _ => null,
    };

    public static string Upper(Interpreter interpreter, string text)
    {
        interpreter.Charge(text.Length);
        return PythonText.TryUpper(text, out string upper) ? upper : throw interpreter.Unsupported("upper case of these characters");
    }

    public static string Lower(Interpreter interpreter, string text)
    {
        interpreter.Charge(text.Length);
        return PythonText.TryLower(text, out string lower) ? lower : throw interpreter.Unsupported("lower case of these characters");
    }

    public static string Capitalize(Interpreter interpreter, string text)
    {
        if (text.Length == 0)
            return "";
        int first = text.Length > 1 && char.IsSurrogatePair(text[0], text[1]) ? 2 : 1;
        return Upper(interpreter, text[..first]) + Lower(interpreter, text[first..]);
    }

    public static string Join(Interpreter interpreter, string separator, IEnumerable<object?> items)
    {
        var text = new StringBuilder();
        int n = 0;
        foreach (object? item in items)
        {
            interpreter.Step();
            string part = item as string ?? throw interpreter.Error($"join: {Interpreter.KindOf(item)} is not text.");
            interpreter.Charge(part.Length + separator.Length);
            text.Append(n++ > 0 ? separator : "").Append(part);
        }

        return text.ToString();
    }

    public static string Replace(Interpreter interpreter, string text, string old, string with, long count)
    {
        if (count == 0)
            return text;
        var parts = new List<string>();
        if (old.Length == 0)
        {
            // Between all characters, and at both ends.
            parts.Add("");
            parts.AddRange(PythonText.CodePoints(text).Take(count < 0 ? int.MaxValue : (int)Math.Min(count - 1, int.MaxValue)));
            parts.Add(text[parts.Sum(p => p.Length)..]);
            if (count >= 0 && count < parts.Count - 1)
                parts = [.. parts[..(int)count], string.Concat(parts[(int)count..])];
        }
        else
        {
            int at = 0;
            for (int next = text.IndexOf(old, StringComparison.Ordinal); next >= 0
                && count-- != 0; next = text.IndexOf(old, at, StringComparison.Ordinal))
            {
                parts.Add(text[at..next]);
                at = next + old.Length;
            }

            parts.Add(text[at..]);
        }

        interpreter.Step(parts.Count);
        interpreter.Charge(text.Length + ((long)(parts.Count - 1) * with.Length));
        return string.Join(with, parts);
    }

    public static string Strip(string text, string? characters, bool start, bool end)
    {
        if (characters is null)
        {
            text = end ? PythonText.TrimEnd(text) : text;
            return start ? PythonText.TrimStart(text) : text;
        }

        HashSet<string> set = [.. PythonText.CodePoints(characters)];
        List<string> points = [.. PythonText.CodePoints(text)];
        int from = 0, to = points.Count;
        while (start && from < to && set.Contains(points[from]))
            from++;
        while (end && to > from && set.Contains(points[to - 1]))
            to--;
        return string.Concat(points[from..to]);
    }

    private static string Strip(string text, Arguments arguments, bool start, bool end)
    {
        string? characters = arguments.TextOrNone("chars");
        arguments.Interpreter.Step(1 + (text.Length / 16));
        return Strip(text, characters, start, end);
    }

    private static ListValue Split(string text, Arguments arguments, bool fromEnd)
    {
        string? separator = arguments.TextOrNone("sep");
        long most = arguments.Integer("maxsplit", -1);
        if (separator == "")
            throw arguments.Interpreter.Error("split: the separator is empty.");
        int limit = most < 0 ? int.MaxValue : (int)Math.Min(most, int.MaxValue);
        List<object?> parts = separator is null
            ? Words(text, limit, fromEnd) : fromEnd ? Backwards(text, separator, limit) : Forwards(text, separator, limit);
        arguments.Interpreter.Step(parts.Count);
        arguments.Interpreter.Charge(text.Length);
        return new ListValue(parts);
    }

    private static List<object?> Forwards(string text, string separator, int most)
    {
        var parts = new List<object?>();
        int at = 0;
        for (int next = text.IndexOf(separator, StringComparison.Ordinal); next >= 0
            && parts.Count < most; next = text.IndexOf(separator, at, StringComparison.Ordinal))
        {
            parts.Add(text[at..next]);
            at = next + separator.Length;
        }

        parts.Add(text[at..]);
        return parts;
    }

    private static List<object?> Backwards(string text, string separator, int most)
    {
        var parts = new List<object?>();
        int end = text.Length;
        while (parts.Count < most && text.AsSpan(0, end).LastIndexOf(separator) is >= 0 and var at)
        {
            parts.Add(text[(at + separator.Length)..end]);
            end = at;
        }

        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    private static List<object?> Words(string text, int most, bool fromEnd)
    {
        var parts = new List<object?>();
        string rest = fromEnd ? PythonText.TrimEnd(text) : PythonText.TrimStart(text);
        while (rest.Length > 0)
        {
            int space = fromEnd ? rest.AsSpan().LastIndexOfAny(PythonText.Spaces) : rest.AsSpan().IndexOfAny(PythonText.Spaces);
            if (space < 0 || parts.Count == most)
            {
                parts.Add(parts.Count == most ? rest : fromEnd ? PythonText.TrimStart(rest) : PythonText.TrimEnd(rest));
                break;
            }

            parts.Add(fromEnd ? rest[(space + 1)..] : rest[..space]);
            rest = fromEnd ? PythonText.TrimEnd(rest[..space]) : PythonText.TrimStart(rest[space..]);
        }

        if (fromEnd)
        {
            if (parts.Count > 0 && parts[^1] is "")
                parts.RemoveAt(parts.Count - 1);
            parts.Reverse();
        }

        return parts;
    }

    private static ListValue Lines(string text, Arguments arguments)
    {
        bool keep = arguments.Flag("keepends", false);
        var lines = new List<object?>();
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\v' or '\f' or '\u001c' or '\u001d' or '\u001e' or '\u0085' or '\u2028' or '\u2029'))
                continue;
            int end = i;
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n')
                i++;
            lines.Add(text[start..(keep ? i + 1 : end)]);
            start = i + 1;
        }

        if (start < text.Length)
            lines.Add(text[start..]);
        arguments.Interpreter.Step(lines.Count);
        arguments.Interpreter.Charge(text.Length);
        return new ListValue(lines);
    }

    private static IReadOnlyList<string> Prefixes(Arguments arguments) => arguments.Required("prefix") switch
    {
        string one => [one],
        TupleValue several when several.Items.All(p => p is string) => [.. several.Items.Cast<string>()],
        var other => throw arguments.Interpreter.Error(
            $"startswith and endswith take text or a tuple of texts, not {Interpreter.KindOf(other)}."),
    };

    private static string Title(Interpreter interpreter, string text)
    {
        if (!text.All(char.IsAscii))
            throw interpreter.Unsupported("title case of these characters");
        var title = new StringBuilder(text.Length);
        bool inside = false;
        foreach (char c in text)
        {
            title.Append(inside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inside = char.IsAsciiLetter(c);
        }

        interpreter.Charge(text.Length);
        return title.ToString();
    }

    private static long Position(string text, int at) => at <= 0 ? at : PythonText.Length(text[..at]);

    private static long Count(string text, string part) => part.Length == 0 ? PythonText.Length(text) + 1 : text.AsSpan().Count(part);

    private static TupleValue Partition(string text, string separator, bool last)
    {
        int at = separator.Length == 0
            ? -1 : last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0)
            return new(last ? ["", "", text] : [text, "", ""]);
        return new([text[..at], separator, text[(at + separator.Length)..]]);
    }

    private static char Fill(Arguments arguments) => arguments.TextOrNone("fillchar") switch
    {
        null => ' ',
        { Length: 1 } one => one[0],
        _ => throw arguments.Interpreter.Error("the filling is one character."),
    };

    public static string Pad(Interpreter interpreter, string text, long width, char fill, string name)
    {
        long missing = width - PythonText.Length(text);
        if (missing <= 0)
            return text;
        interpreter.Charge(width);
        int n = (int)missing;
        switch (name)
        {
            case "ljust":
                return text + new string(fill, n);
            case "rjust":
                return new string(fill, n) + text;
            case "zfill":
                bool sign = text is ['+' or '-', ..];
                return sign ? text[0] + new string('0', n) + text[1..] : new string('0', n) + text;
            default:
                // Python puts the odd one on the left when the width is odd.
                int left = (n / 2) + (int)(n & width & 1);
                return new string(fill, left) + text + new string(fill, n - left);
        }
    }

    private static bool All(Arguments arguments, string text, Func<char, bool> holds)
    {
        if (!text.All(char.IsAscii))
            throw arguments.Interpreter.Unsupported("telling the kind of characters beyond ASCII");
        return text.Length > 0 && text.All(holds);
    }

    public static bool Cased(Interpreter interpreter, string text, bool upper)
    {
        if (!text.All(char.IsAscii))
            throw interpreter.Unsupported("telling the case of characters beyond ASCII");
        return text.Any(char.IsAsciiLetter) && !text.Any(c => upper ? char.IsAsciiLetterLower(c) : char.IsAsciiLetterUpper(c));
    }
}
