using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>One character, an escape such as <c>\p{L}</c>, or a bracket expression of Oniguruma, which may nest.</summary>
internal sealed class OnigCharacterClass
{
    private static readonly HashSet<string> Categories =
    [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cn",
    ];

    /// <summary>
    /// What <c>\w</c> means to Oniguruma: letters, marks, digits, letter numbers, connectors, Latin-1's small numbers and circled letters.
    /// </summary>
    public static readonly string[] Word =
        ["\\p{L}", "\\p{M}", "\\p{Nd}", "\\p{Nl}", "\\p{Pc}", "\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE\\u24B6-\\u24E9"];

    private readonly List<(int First, int Last)> _ranges = [];
    private readonly List<string> _properties = [];
    private bool _negated;

    /// <summary>The characters named one by one or in ranges.</summary>
    public IReadOnlyList<(int First, int Last)> Ranges => _ranges;

    /// <summary>The character, when it is only one.</summary>
    public char? Single => !_negated && _properties.Count == 0 && _ranges.Count == 1 && _ranges[0].First == _ranges[0].Last
        ? (char)_ranges[0].First : null;

    /// <summary>Reads one character or escape.</summary>
    public static OnigCharacterClass ReadOne(string pattern, ref int at, string where)
    {
        var set = new OnigCharacterClass();
        if (pattern.AsSpan(at).StartsWith("\\W"))
        {
            at += 2;
            set._negated = true;
            set._properties.AddRange(Word);
            return set;
        }

        if (set.Element(pattern, ref at, where) is { } character)
            set._ranges.Add((character, character));
        return set;
    }

    /// <summary>Reads a bracket expression.</summary>
    public static OnigCharacterClass Read(string pattern, ref int at, string where)
    {
        int start = at++;
        var set = new OnigCharacterClass();
        if (at < pattern.Length && pattern[at] == '^')
        {
            set._negated = true;
            at++;
        }

        for (int n = 0; ; n++)
        {
            if (at >= pattern.Length)
                throw new InvalidDataException($"{where}: '{pattern}' is no regular expression: '[' without ']'.");
            if (pattern[at] == ']')
            {
                if (n == 0)
                    throw Unsupported(where, pattern, "an empty bracket expression");
                at++;
                return set;
            }

            if (pattern.AsSpan(at).StartsWith("&&") || pattern.AsSpan(at).StartsWith("[:"))
                throw Unsupported(where, pattern, $"'{pattern.AsSpan(at, 2)}' in brackets");
            if (pattern[at] == '[')
            {
                OnigCharacterClass nested = Read(pattern, ref at, where);
                if (nested._negated)
                    throw Unsupported(where, pattern, "a negated class inside another");
                set._ranges.AddRange(nested._ranges);
                set._properties.AddRange(nested._properties);
                continue;
            }

            if (set.Element(pattern, ref at, where) is not { } first)
                continue;
            int last = first;
            if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                at++;
                last = pattern[at] == '[' ? -1 : set.Element(pattern, ref at, where) ?? -1;
                if (last < first)
                    throw Unsupported(where, pattern, $"a range that ends before it begins, or not at a character (from {start})");
            }

            set._ranges.Add((first, last));
        }
    }

    /// <summary>The same without regard to case.</summary>
    /// <remarks>Oniguruma folds U+017F to s and U+212A to k. Other letters than ASCII's are refused: the two folds of .NET and Oniguruma
    /// differ.</remarks>
    public OnigCharacterClass WithBothCases(string where)
    {
        var both = new OnigCharacterClass { _negated = _negated };
        both._properties.AddRange(_properties);
        if (_properties.Any(p => p is "\\p{Lu}" or "\\p{Ll}" or "\\p{Lt}" or "\\P{Lu}" or "\\P{Ll}" or "\\P{Lt}"))
            throw new NotSupportedException($"{where}: a pattern that asks for the case of letters and ignores it is not supported.");
        foreach ((int first, int last) in _ranges)
        {
            bool letters = false;
            for (int c = first; c <= last && !letters; c++)
                letters = c > 0x7F && (char.IsLetter((char)c) || c == 0x345 || (c >= 0x24B6 && c <= 0x24E9));
            if (letters)
                throw new NotSupportedException($"{where}: a pattern that ignores the case of letters beyond ASCII is not supported.");
            both._ranges.Add((first, last));
            for (int c = Math.Max(first, 'A'); c <= Math.Min(last, 'z'); c++)
            {
                if (!char.IsAsciiLetter((char)c))
                    continue;
                both._ranges.Add((c ^ 0x20, c ^ 0x20));
                if ((c | 0x20) == 's')
                    both._ranges.Add((0x17F, 0x17F));
                if ((c | 0x20) == 'k')
                    both._ranges.Add((0x212A, 0x212A));
            }
        }

        return both;
    }

    /// <summary>The class as .NET writes it.</summary>
    public override string ToString()
    {
        if (!_negated && _ranges.Count == 0 && _properties.Count == 1)
            return _properties[0];
        if (Single is { } single)
            return Unit(single);
        var text = new StringBuilder(_negated ? "[^" : "[");
        foreach ((int first, int last) in _ranges)
            text.Append(Unit(first)).Append(first == last ? "" : "-" + Unit(last));
        return text.AppendJoin("", _properties).Append(']').ToString();
    }

    private static string Unit(int c) => string.Create(CultureInfo.InvariantCulture, $"\\u{c:X4}");

    /// <summary>Reads a character, which it gives back, or a property, which it adds.</summary>
    private int? Element(string pattern, ref int at, string where)
    {
        char c = pattern[at++];
        if (char.IsSurrogate(c))
            throw Unsupported(where, pattern, "a character above U+FFFF");
        if (c != '\\')
            return c;
        if (at >= pattern.Length)
            throw new InvalidDataException($"{where}: '{pattern}' is no regular expression: it ends in a backslash.");
        c = pattern[at++];
        switch (c)
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'f': return '\f';
            case 'v': return '\v';
            case 'a': return '\a';
            case 'e': return 0x1B;
            case 'x': return Hexadecimal(pattern, ref at, where, 2);
            case 'u': return Hexadecimal(pattern, ref at, where, 4);
            case 's' or 'S':
                _properties.Add($"\\{c}");
                return null;
            case 'd' or 'D':
                _properties.Add(c == 'd' ? "\\p{Nd}" : "\\P{Nd}");
                return null;
            case 'w':
                _properties.AddRange(Word);
                return null;
            case 'h':
                _ranges.AddRange([('0', '9'), ('a', 'f'), ('A', 'F')]);
                return null;
            case 'p' or 'P':
                _properties.Add(Property(pattern, ref at, where, c == 'P'));
                return null;
        }

        // A backslash before anything but a letter or a digit means the character itself.
        return char.IsAsciiLetterOrDigit(c) || char.IsSurrogate(c) ? throw Unsupported(where, pattern, $"the escape '\\{c}'") : c;
    }

    private static string Property(string pattern, ref int at, string where, bool negated)
    {
        int end = pattern.IndexOf('}', at);
        if (at >= pattern.Length || pattern[at] != '{' || end < 0)
            throw Unsupported(where, pattern, "\\p without a name in braces");
        string name = pattern[(at + 1)..end];
        at = end + 1;
        if (name.StartsWith('^'))
            (name, negated) = (name[1..], !negated);
        if (!Categories.Contains(name))
            throw Unsupported(where, pattern,
                $"the character property '{name}' (general categories are known, scripts and others are not)");
        return $"\\{(negated ? 'P' : 'p')}{{{name}}}";
    }

    private static int Hexadecimal(string pattern, ref int at, string where, int digits)
    {
        int start = at, length = digits;
        if (digits == 2 && at < pattern.Length && pattern[at] == '{')
        {
            int end = pattern.IndexOf('}', at);
            (start, length) = (at + 1, end - at - 1);
            at = end + 1;
        }
        else
        {
            at += digits;
        }

        int value = -1;
        bool known = length is >= 1 and <= 8 && start + length <= pattern.Length
            && int.TryParse(pattern.AsSpan(start, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        return known && value is (>= 0 and < 0xD800) or (> 0xDFFF and <= 0xFFFF)
            ? value
            : throw Unsupported(where, pattern, "a hexadecimal escape that is no character up to U+FFFF");
    }

    private static NotSupportedException Unsupported(string where, string pattern, string what) =>
        new($"{where}: the pattern '{(pattern.Length <= 60 ? pattern : pattern[..60] + "...")}' is refused: {what}.");
}
