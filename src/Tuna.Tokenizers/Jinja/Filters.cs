using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>The filters that templates may use.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Func<Arguments, object?, object?>> All = new(StringComparer.Ordinal)
    {
        ["tojson"] = JsonOutput.Of,
        ["default"] = Default,
        ["d"] = Default,
        ["length"] = (a, v) => Length(a, v),
        ["count"] = (a, v) => Length(a, v),
        ["trim"] = (a, v) => TextMethods.Strip(Text(a, v), a.TextOrNone("chars"), start: true, end: true),
        ["upper"] = (a, v) => TextMethods.Upper(a.Interpreter, Text(a, v)),
        ["lower"] = (a, v) => TextMethods.Lower(a.Interpreter, Text(a, v)),
        ["capitalize"] = (a, v) => TextMethods.Capitalize(a.Interpreter, Text(a, v)),
        ["title"] = (a, v) => Title(a.Interpreter, Text(a, v)),
        ["center"] = (a, v) => TextMethods.Pad(a.Interpreter, Text(a, v), a.Integer("width", 80), ' ', "center"),
        ["string"] = (a, v) => v is SafeText ? v : Text(a, v),
        ["safe"] = (a, v) => new SafeText(Text(a, v)),
        ["replace"] = (a, v) => TextMethods.Replace(a.Interpreter, Text(a, v), Text(a, a.Required("old")), Text(a, a.Required("new")),
            a.Next("count", null) is long n ? n : -1),
        ["indent"] = Indent,
        ["format"] = (a, v) => a.Rest("format") is var r && r.Named.Count == 0
            ? Formatting.Percent(a.Interpreter, Text(a, v), new TupleValue(r.Positional))
            : throw a.Interpreter.Unsupported("format with names"),
        ["wordcount"] = (a, v) => WordCount(a.Interpreter, Text(a, v)),
        ["abs"] = (a, v) => v switch { long n => (object)Math.Abs(n), double x => Math.Abs(x), bool b => b
            ? 1L : 0L, _ => throw a.Interpreter.Error($"abs of {Interpreter.KindOf(v)}.") },
        ["int"] = Int,
        ["float"] = Float,
        ["round"] = Round,
        ["list"] = (a, v) => new ListValue([.. Counted(a, v)]),
        ["items"] = (a, v) => v switch
        {
            Undefined => new GeneratorValue([]),
            DictValue d => new GeneratorValue(d.Items.Select(p => (object?)new TupleValue([p.Key, p.Value]))),
            _ => throw a.Interpreter.Error($"items of {Interpreter.KindOf(v)}."),
        },
    };

    static Filters()
    {
        foreach ((string name, Func<Arguments, object?, object?> filter) in SequenceFilters.All)
            All[name] = filter;
    }

    public static Func<Arguments, object?, object?>? Find(string name) => All.GetValueOrDefault(name);

    public static string Text(Arguments arguments, object? value) => arguments.Interpreter.Text(value);

    public static IEnumerable<object?> Counted(Arguments arguments, object? value)
    {
        foreach (object? item in arguments.Interpreter.Items(value))
        {
            arguments.Interpreter.Step();
            yield return item;
        }
    }

    private static object? Default(Arguments arguments, object? value)
    {
        object? otherwise = arguments.Next("default_value", "");
        bool boolean = arguments.Flag("boolean", false);
        return value is Undefined || (boolean && !arguments.Interpreter.Truth(value)) ? otherwise : value;
    }

    private static long Length(Arguments arguments, object? value) =>
        Interpreter.Length(value) ?? throw arguments.Interpreter.Error($"{Interpreter.KindOf(value)} has no length.");

    private static string Title(Interpreter interpreter, string text)
    {
        var title = new StringBuilder();
        bool starts = true;
        foreach (string point in PythonText.CodePoints(text))
        {
            bool splits = point is "-" or "(" or "{" or "[" or "<" || PythonText.IsSpace(point[0]);
            title.Append(starts && !splits ? TextMethods.Upper(interpreter, point) : TextMethods.Lower(interpreter, point));
            starts = splits;
        }

        return title.ToString();
    }

    private static string Indent(Arguments arguments, object? value)
    {
        Interpreter interpreter = arguments.Interpreter;
        string indent = arguments.Next("width", 4L) switch
        {
            string s => s,
            long n => n > 1000 ? throw interpreter.Error("indent: the width is above 1000.") : new string(' ', (int)Math.Max(0, n)),
            _ => throw interpreter.Error("indent: the width is no number and no text."),
        };
        bool first = arguments.Flag("first", false), blank = arguments.Flag("blank", false);
        // As Jinja does, which adds a newline before it takes the lines apart.
        string text = Text(arguments, value) + "\n";
        string[] lines = [.. ((ListValue)TextMethods.Find(text,
            "splitlines")!(new Arguments(interpreter, "indent", [], []))!).Items.Cast<string>()];
        interpreter.Charge(text.Length + ((long)lines.Length * indent.Length));
        for (int i = 0; i < lines.Length; i++)
        {
            if (i == 0 ? first : blank || lines[i].Length > 0)
                lines[i] = indent + lines[i];
        }

        return string.Join('\n', lines);
    }

    private static long WordCount(Interpreter interpreter, string text)
    {
        interpreter.Step(1 + (text.Length / 16));
        long words = 0;
        bool inside = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool word = Rune.IsLetterOrDigit(rune) || rune.Value == '_';
            words += word && !inside ? 1 : 0;
            inside = word;
        }

        return words;
    }

    private static object? Int(Arguments arguments, object? value)
    {
        object? otherwise = arguments.Next("default", 0L);
        if (arguments.Integer("base", 10) != 10)
            throw arguments.Interpreter.Unsupported("int with a base");
        switch (value)
        {
            case long or bool:
                return value is bool flag ? (flag ? 1L : 0L) : value;
            case double real:
                return double.IsFinite(real) && Math.Abs(real) < 9e18 ? (long)Math.Truncate(real) : otherwise;
            case string text:
                string digits = text.Trim().Replace("_", "", StringComparison.Ordinal);
                if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
                    return whole;
                return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed)
                    && double.IsFinite(parsed) && Math.Abs(parsed) < 9e18 ? (long)Math.Truncate(parsed) : otherwise;
            case Undefined undefined:
                throw arguments.Interpreter.Error($"int: {undefined.What} is not there.");
            default:
                return otherwise;
        }
    }

    private static object? Float(Arguments arguments, object? value)
    {
        object? otherwise = arguments.Next("default", 0.0);
        return value switch
        {
            double => value,
            long whole => (double)whole,
            bool flag => flag ? 1.0 : 0.0,
            string text => double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double real)
                ? real : otherwise,
            Undefined undefined => throw arguments.Interpreter.Error($"float: {undefined.What} is not there."),
            _ => otherwise,
        };
    }

    private static object? Round(Arguments arguments, object? value)
    {
        long precision = arguments.Integer("precision", 0);
        string method = arguments.Next("method", "common") as string ?? "";
        if (precision is < 0 or > 15 || value is not (long or double or bool) || method is not ("common" or "ceil" or "floor"))
            throw arguments.Interpreter.Unsupported($"round of {Interpreter.KindOf(value)} in this form");
        double real = value is double d ? d : value is long n ? n : value is true ? 1 : 0;
        if (value is long or bool && method == "common")
            return value is bool flag ? (flag ? 1L : 0L) : value;
        double scale = Math.Pow(10, precision);
        // Python rounds the decimal digits of the number itself, which decimal arithmetic does.
        return method switch
        {
            "ceil" => Math.Ceiling(real * scale) / scale,
            "floor" => Math.Floor(real * scale) / scale,
            _ => Math.Abs(real) < 1e12
                ? double.Parse(real.ToString($"F{precision}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : real,
        };
    }
}
