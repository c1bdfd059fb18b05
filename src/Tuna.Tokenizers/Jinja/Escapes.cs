using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>Escapes in a template's strings, which are Python's.</summary>
internal static class Escapes
{
    /// <summary>Reads the escape at a backslash and returns what follows it.</summary>
    public static int Read(string source, int at, StringBuilder text, int line)
    {
        char c = source[at + 1];
        int next = at + 2;
        switch (c)
        {
            case '\n':
                return next;
            case '\\' or '\'' or '"':
                text.Append(c);
                return next;
            case 'a' or 'b' or 'f' or 'n' or 'r' or 't' or 'v':
                text.Append("\a\b\f\n\r\t\v"["abfnrtv".IndexOf(c)]);
                return next;
            case 'x':
                return Hex(source, next, 2, text, line);
            case 'u':
                return Hex(source, next, 4, text, line);
            case 'U':
                return Hex(source, next, 8, text, line);
            case 'N':
                throw Lexer.Unsupported(line, "a character by its name (\\N)");
            case >= '0' and <= '7':
                int value = 0;
                int end = Math.Min(at + 4, source.Length);
                for (next = at + 1; next < end && source[next] is >= '0' and <= '7'; next++)
                    value = (value * 8) + source[next] - '0';
                text.Append((char)value);
                return next;
            default:
                text.Append('\\').Append(c);
                return next;
        }
    }

    private static int Hex(string source, int at, int digits, StringBuilder text, int line)
    {
        if (at + digits > source.Length
            || !uint.TryParse(source.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value))
            throw Lexer.Fault(line, "an escape in a string is cut short.");
        if (value > 0x10FFFF)
            throw Lexer.Fault(line, "an escape in a string names no character.");
        if (value < 0x10000)
            text.Append((char)value);
        else
            text.Append(char.ConvertFromUtf32((int)value));
        return at + digits;
    }
}
