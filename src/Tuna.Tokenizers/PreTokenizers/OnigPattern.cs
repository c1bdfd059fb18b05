using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>Translates a regular expression from Oniguruma's (Ruby) syntax, which Hugging Face tokenizers use, into .NET's.</summary>
/// <remarks>
/// The two agree on most of the patterns of published tokenizers and differ where nobody looks: <c>^</c> and <c>$</c> are about lines,
/// <c>(?m)</c> lets the
/// dot match line ends, <c>++</c> is possessive, brackets nest, <c>(?i:s)</c> matches U+017F. What is not known here is refused, and so are
/// repeats of
/// repeats, which take exponential time.
/// </remarks>
internal sealed class OnigPattern
{
    private const int MostRepeats = 1000;
    private const int MostDepth = 50;

    private readonly string _pattern;
    private readonly string _where;
    private readonly StringBuilder _out = new();
    private readonly List<(int First, int Last)> _ranges = [];
    private int _at;
    private int _depth;

    private OnigPattern(string pattern, string where)
    {
        _pattern = pattern;
        _where = where;
    }

    /// <summary>The expression for .NET.</summary>
    public string Text => _out.ToString();

    /// <summary>The characters that the expression names itself, not by a property.</summary>
    public IReadOnlyList<(int First, int Last)> Ranges => _ranges;

    /// <exception cref="NotSupportedException">It uses what is not supported here, or could take exponential time.</exception>
    /// <exception cref="InvalidDataException">It is no expression.</exception>
    public static OnigPattern Translate(string pattern, string where)
    {
        var translated = new OnigPattern(pattern, where);
        translated.Alternatives(default);
        if (translated._at < pattern.Length)
            throw translated.Damaged("a ')' too many");
        return translated;
    }

    /// <summary>
    /// Alternatives up to the end or a closing parenthesis; says whether they can match one text in several ways or lengths.
    /// </summary>
    private bool Alternatives(Flags flags)
    {
        if (++_depth > MostDepth)
            throw Unsupported("more than 50 nested groups");
        bool varies = false;
        int count = 0;
        do
        {
            if (count++ > 0)
                _out.Append('|');
            varies |= Sequence(ref flags);
        }
        while (Take('|'));
        _depth--;
        return varies || count > 1;
    }

    private bool Sequence(ref Flags flags)
    {
        bool varies = false;
        char previous = '\0';
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
        {
            int start = _out.Length;
            char literal = '\0';
            bool part = Atom(ref flags, ref literal, out bool quantifiable);
            if (flags.IgnoreCase && literal != '\0'
                && "ss st ff fi fl".Contains($"{previous}{char.ToLowerInvariant(literal)}", StringComparison.Ordinal))
                throw Unsupported($"'{previous}{literal}' without regard to case, which may be one character");
            previous = char.ToLowerInvariant(literal);
            varies |= quantifiable ? Quantifiers(part, start) : part;
        }

        return varies;
    }

    private bool Quantifiers(bool part, int start)
    {
        for (int n = 0; ; n++)
        {
            if (_at >= _pattern.Length || !TryQuantifier(out int least, out int most, out bool braces))
                return part;
            if (n > 0)
                throw Unsupported("a quantifier of a quantifier");
            if (part && (most < 0 || most > 8))
                throw Unsupported("a repeat of what itself repeats or has alternatives, which takes exponential time on some texts");
            string count = (least, most) switch
            {
                (0, -1) => "*",
                (1, -1) => "+",
                (0, 1) => "?",
                (_, -1) => $"{{{least},}}",
                _ => $"{{{least},{most}}}",
            };
            _out.Append(count);
            if (Take('?'))
            {
                if (braces && least == most)
                    throw Unsupported("a lazy repeat of a fixed number");
                _out.Append('?');
            }
            else if (!braces && Take('+'))
            {
                _out.Insert(start, "(?>").Append(')');
            }

            part |= most != least;
        }
    }

    private bool TryQuantifier(out int least, out int most, out bool braces)
    {
        (least, most, braces) = (0, -1, false);
        switch (_pattern[_at])
        {
            case '*':
                _at++;
                return true;
            case '+':
                _at++;
                least = 1;
                return true;
            case '?':
                _at++;
                most = 1;
                return true;
            case '{':
                int end = _pattern.IndexOf('}', _at);
                if (end < 0)
                    throw Unsupported("'{' without '}'");
                string[] bounds = _pattern[(_at + 1)..end].Split(',');
                bool known = bounds.Length <= 2
                    && bounds.All(b => b.Length == 0 || int.TryParse(b, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                    && bounds.Any(b => b.Length > 0);
                if (!known)
                    throw Unsupported($"'{_pattern[_at..(end + 1)]}' as a repeat");
                least = Bound(bounds[0], 0);
                most = bounds.Length == 1 ? least : Bound(bounds[1], -1);
                if (least > MostRepeats || most > MostRepeats || (most >= 0 && most < least))
                    throw Unsupported($"'{_pattern[_at..(end + 1)]}': repeats are counted up to {MostRepeats}, the smaller number first");
                _at = end + 1;
                braces = true;
                return true;
            default:
                return false;
        }

        static int Bound(string text, int otherwise) => text.Length == 0 ? otherwise : int.Parse(text, CultureInfo.InvariantCulture);
    }

    private bool Atom(ref Flags flags, ref char literal, out bool quantifiable)
    {
        quantifiable = true;
        char c = _pattern[_at];
        switch (c)
        {
            case '(':
                return Group(ref flags, out quantifiable);
            case '[':
                OnigCharacterClass set = OnigCharacterClass.Read(_pattern, ref _at, _where);
                Append(set, flags);
                return false;
            case '.':
                _at++;
                _out.Append(flags.DotMatchesLineEnds ? "[\\s\\S]" : "[^\\n]");
                return false;
            case '^':
                _at++;
                quantifiable = false;
                _out.Append("(?:\\A|(?<=\\n)(?!\\z))");
                return false;
            case '$':
                _at++;
                quantifiable = false;
                _out.Append("(?=\\n|\\z)");
                return false;
            case '\\' when _at + 1 < _pattern.Length && _pattern[_at + 1] is 'A' or 'z' or 'Z' or 'b' or 'B':
                quantifiable = false;
                Boundary(_pattern[_at + 1]);
                _at += 2;
                return false;
            case '*' or '+' or '?':
                throw Damaged($"'{c}' with nothing to repeat");
            case '{':
                throw Unsupported("'{' with nothing to repeat");
            default:
                set = OnigCharacterClass.ReadOne(_pattern, ref _at, _where);
                if (set.Single is { } single)
                    literal = single;
                Append(set, flags);
                return false;
        }
    }

    private void Boundary(char c)
    {
        string word = $"[{string.Concat(OnigCharacterClass.Word)}]";
        _out.Append(c switch
        {
            'b' => $"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))",
            'B' => $"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))",
            'Z' => "(?=\\n?\\z)",
            _ => $"\\{c}",
        });
    }

    private bool Group(ref Flags flags, out bool quantifiable)
    {
        quantifiable = true;
        _at++;
        bool atomic = false, zeroWidth = false;
        Flags inner = flags;
        string open = "(?:"; // what a group captures is of no use here
        if (Take('?'))
        {
            string rest = _pattern[_at..];
            string? kind = Array.Find(["<=", "<!", "=", "!", ">", ":"], k => rest.StartsWith(k, StringComparison.Ordinal));
            if (kind is not null)
            {
                _at += kind.Length;
                (open, atomic, zeroWidth) = ($"(?{kind}", kind == ">", kind is not (">" or ":"));
            }
            else if (!ReadFlags(ref inner))
            {
                // (?i) holds up to the end of the group it stands in.
                flags = inner;
                quantifiable = false;
                return false;
            }
        }

        _out.Append(open);
        bool varies = Alternatives(inner);
        if (!Take(')'))
            throw Damaged("'(' without ')'");
        _out.Append(')');
        quantifiable = !zeroWidth;
        return varies && !atomic && !zeroWidth;
    }

    /// <summary>Reads <c>i</c>, <c>m</c> and <c>-</c>; true when a group follows, false when the flags hold for the rest.</summary>
    private bool ReadFlags(ref Flags flags)
    {
        bool on = true;
        for (; _at < _pattern.Length; _at++)
        {
            switch (_pattern[_at])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    flags = flags with { IgnoreCase = on };
                    break;
                case 'm':
                    flags = flags with { DotMatchesLineEnds = on };
                    break;
                case ':':
                    _at++;
                    return true;
                case ')':
                    _at++;
                    return false;
                default:
                    throw Unsupported($"'(?{_pattern[_at]}'");
            }
        }

        throw Damaged("'(' without ')'");
    }

    private void Append(OnigCharacterClass set, Flags flags)
    {
        _ranges.AddRange(set.Ranges);
        _out.Append(flags.IgnoreCase ? set.WithBothCases(_where).ToString() : set.ToString());
    }

    private bool Take(char c)
    {
        if (_at >= _pattern.Length || _pattern[_at] != c)
            return false;
        _at++;
        return true;
    }

    private NotSupportedException Unsupported(string what) =>
        new($"{_where}: the pattern '{Short}' is refused: {what} (at character {_at}).");

    private InvalidDataException Damaged(string what) => new($"{_where}: '{Short}' is no regular expression: {what} (at character {_at}).");

    private string Short => _pattern.Length <= 60 ? _pattern : _pattern[..60] + "...";

    private readonly record struct Flags(bool IgnoreCase, bool DotMatchesLineEnds);
}
