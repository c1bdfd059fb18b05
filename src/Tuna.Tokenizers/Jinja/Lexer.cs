using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>Cuts a template into tokens, with the whitespace rules that Transformers renders chats with.</summary>
/// <remarks>
/// As Jinja2 3.1 with <c>trim_blocks</c> and <c>lstrip_blocks</c>: the newline after a block or a comment goes, and so do blanks between
/// the start of a line and a block or comment; <c>-</c> takes all whitespace on its side, <c>+</c> keeps it. The template's last newline is
/// not part of it.
/// </remarks>
internal sealed class Lexer
{
    private const string Operators = "+-/*%~[](){}<>=.:|,;";
    private static readonly string[] LongOperators = ["//", "**", "==", "!=", ">=", "<="];

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private bool _lineStarts = true;

    private Lexer(string source)
    {
        string text = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _source = text.EndsWith('\n') ? text[..^1] : text;
    }

    /// <summary>The tokens, the end included.</summary>
    /// <exception cref="InvalidDataException">A tag or string does not end, or a character has no meaning.</exception>
    public static List<Token> Tokens(string source)
    {
        var lexer = new Lexer(source);
        lexer.Root();
        lexer._tokens.Add(new(TokenKind.End, "", lexer._line));
        return lexer._tokens;
    }

    private void Root()
    {
        while (_at < _source.Length)
        {
            int tag = NextTag();
            if (tag < 0)
            {
                AddData(_source[_at..]);
                _at = _source.Length;
                return;
            }

            int raw = RawBegin(tag, "raw", out int rawEnd) ? rawEnd : -1;
            char kind = _source[tag + 1];
            int end = raw >= 0 ? raw : tag + 2 + (Sign(tag + 2) is null ? 0 : 1);
            AddData(Stripped(_source[_at..tag], Sign(tag + 2), kind == '{'));
            int line = Advance(tag, end);
            if (raw >= 0)
                Raw(line);
            else if (kind == '#')
                Comment(line);
            else
                Tag(kind == '%', line);
        }
    }

    private int NextTag()
    {
        for (int i = _at; i + 1 < _source.Length; i++)
        {
            if (_source[i] == '{' && _source[i + 1] is '{' or '%' or '#')
                return i;
        }

        return -1;
    }

    private char? Sign(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : null;

    // Text before a tag, without what the tag's sign or lstrip_blocks takes away.
    private string Stripped(string text, char? sign, bool variable)
    {
        if (sign == '-')
            return PythonText.TrimEnd(text);
        if (sign == '+' || variable)
            return text;
        int start = text.LastIndexOf('\n') + 1;
        bool blank = text.Length > start && text.AsSpan(start).IndexOfAnyExcept(PythonText.Spaces) < 0;
        return blank && (start > 0 || _lineStarts) ? text[..start] : text;
    }

    private void AddData(string text)
    {
        if (text.Length > 0)
            _tokens.Add(new(TokenKind.Data, text, _line));
    }

    // Moves over a match; returns the line on which the tag in it begins.
    private int Advance(int tag, int end)
    {
        int begins = _line + Lines(_at, tag);
        _line = begins + Lines(tag, end);
        _lineStarts = end > 0 && _source[end - 1] == '\n';
        _at = end;
        return begins;
    }

    private int Lines(int from, int to) => _source.AsSpan(from, to - from).Count('\n');

    // {%- raw %} or {%- endraw %} at a place; the signs before are the caller's.
    private bool RawBegin(int tag, string word, out int end)
    {
        end = tag + 2;
        if (_source[tag + 1] != '%')
            return false;
        if (Sign(end) is not null)
            end++;
        end = SkipSpaces(end);
        if (string.CompareOrdinal(_source, end, word, 0, word.Length) != 0)
            return false;
        end = SkipSpaces(end + word.Length);
        return TryBlockEnd(ref end, trims: word != "raw", plus: word != "raw");
    }

    private void Raw(int line)
    {
        for (int i = _at; i + 1 < _source.Length; i++)
        {
            if (_source[i] != '{' || !RawBegin(i, "endraw", out int end))
                continue;
            AddData(Stripped(_source[_at..i], Sign(i + 2), variable: false));
            Advance(i, end);
            return;
        }

        throw Fault(line, "{% raw %} does not end; {% endraw %} is missing.");
    }

    private void Comment(int line)
    {
        int close = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (close < 0)
            throw Fault(line, "a comment does not end; '#}' is missing.");
        int end = close + 2;
        if (close > _at && _source[close - 1] == '-')
            end = SkipSpaces(end);
        else if (!(close > _at && _source[close - 1] == '+') && end < _source.Length && _source[end] == '\n')
            end++;
        Advance(close, end);
    }

    private void Tag(bool block, int line)
    {
        var brackets = new Stack<char>();
        _tokens.Add(new(block ? TokenKind.BlockBegin : TokenKind.VariableBegin, block ? "{%" : "{{", line));
        while (true)
        {
            if (_at >= _source.Length)
                throw Fault(line, $"the tag does not end; '{(block ? "%}" : "}}")}' is missing.");
            int end = _at;
            if (brackets.Count == 0 && (block ? TryBlockEnd(ref end, trims: true, plus: true) : TryVariableEnd(ref end)))
            {
                _tokens.Add(new(block ? TokenKind.BlockEnd : TokenKind.VariableEnd, "", _line));
                Advance(_at, end);
                return;
            }

            int start = _at;
            if (PythonText.IsSpace(_source[start]))
                Advance(start, SkipSpaces(start));
            else
                Advance(start, TokenAt(start, brackets));
        }
    }

    private bool TryBlockEnd(ref int at, bool trims, bool plus)
    {
        char? sign = Sign(at);
        int close = at + (sign is null ? 0 : 1);
        if ((sign == '+' && !plus) || string.CompareOrdinal(_source, close, "%}", 0, 2) != 0)
            return false;
        at = close + 2;
        if (sign == '-')
            at = SkipSpaces(at);
        else if (sign is null && trims && at < _source.Length && _source[at] == '\n')
            at++;
        return true;
    }

    private bool TryVariableEnd(ref int at)
    {
        bool strips = _source[at] == '-';
        int close = at + (strips ? 1 : 0);
        if (string.CompareOrdinal(_source, close, "}}", 0, 2) != 0)
            return false;
        at = strips ? SkipSpaces(close + 2) : close + 2;
        return true;
    }

    private int SkipSpaces(int at)
    {
        while (at < _source.Length && PythonText.IsSpace(_source[at]))
            at++;
        return at;
    }

    // Adds the token at a place and returns its end.
    private int TokenAt(int at, Stack<char> brackets)
    {
        char c = _source[at];
        if (char.IsAsciiDigit(c))
            return Number(at);
        if (c == '_' || char.IsLetter(c))
        {
            int end = at + 1;
            while (end < _source.Length && (_source[end] == '_' || char.IsLetterOrDigit(_source[end])))
                end++;
            _tokens.Add(new(TokenKind.Name, _source[at..end], _line));
            return end;
        }

        if (c is '\'' or '"')
            return Text(at);
        string two = at + 1 < _source.Length ? _source.Substring(at, 2) : "";
        string text = Array.IndexOf(LongOperators, two) >= 0 ? two : c.ToString();
        if (text.Length == 1 && !Operators.Contains(c))
            throw Fault(_line, $"the character '{c}' has no meaning in a tag.");
        if (c is '(' or '[' or '{')
            brackets.Push(c == '(' ? ')' : c == '[' ? ']' : '}');
        else if (c is ')' or ']' or '}' && (!brackets.TryPop(out char expected) || expected != c))
            throw Fault(_line, $"there is no bracket that '{c}' closes.");
        _tokens.Add(new(TokenKind.Operator, text, _line));
        return at + text.Length;
    }

    private int Number(int at)
    {
        int end = Digits(at);
        bool real = false;
        bool afterPoint = at > 0 && _source[at - 1] == '.';
        if (!afterPoint && end + 1 < _source.Length && _source[end] == '.' && char.IsAsciiDigit(_source[end + 1]))
        {
            end = Digits(end + 1);
            real = true;
        }

        if (!afterPoint && end < _source.Length && _source[end] is 'e' or 'E')
        {
            int exponent = end + 1 + (Sign(end + 1) is null ? 0 : 1);
            if (exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
            {
                end = Digits(exponent);
                real = true;
            }
        }

        if (end < _source.Length && (char.IsLetter(_source[end]) || _source[end] == '_'))
            throw Fault(_line, $"the number '{_source[at..(end + 1)]}...' is not decimal; write it in decimal digits.");
        string text = _source[at..end].Replace("_", "", StringComparison.Ordinal);
        if (real)
        {
            _tokens.Add(new(TokenKind.Float, text, _line, double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)));
            return end;
        }

        if (text.Length > 1 && text[0] == '0' && text.AsSpan().IndexOfAnyExcept('0') >= 0)
            throw Fault(_line, $"the number '{text}' begins with 0; write it without.");
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long whole))
            throw Unsupported(_line, $"the number {text}, which has more than 64 bits");
        _tokens.Add(new(TokenKind.Integer, text, _line, whole));
        return end;
    }

    private int Digits(int at)
    {
        while (at < _source.Length
            && (char.IsAsciiDigit(_source[at]) || (_source[at] == '_' && at + 1 < _source.Length && char.IsAsciiDigit(_source[at + 1]))))
            at++;
        return at;
    }

    private int Text(int at)
    {
        char quote = _source[at];
        var text = new StringBuilder();
        int i = at + 1;
        while (i < _source.Length && _source[i] != quote)
        {
            if (_source[i] == '\\' && i + 1 < _source.Length)
                i = Escapes.Read(_source, i, text, _line);
            else
                text.Append(_source[i++]);
        }

        if (i >= _source.Length)
            throw Fault(_line, "a string does not end; its closing quote is missing.");
        _tokens.Add(new(TokenKind.String, text.ToString(), _line));
        return i + 1;
    }

    public static InvalidDataException Fault(int line, string what) =>
        new(string.Create(CultureInfo.InvariantCulture, $"The chat template, line {line}: {what}"));

    public static NotSupportedException Unsupported(int line, string what) =>
        new(string.Create(CultureInfo.InvariantCulture,
            $"The chat template, line {line}: {what} is not supported here. Take another template, or write the prompts' form by hand."));
}
