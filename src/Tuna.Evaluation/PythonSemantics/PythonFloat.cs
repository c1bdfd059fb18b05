using System.Globalization;
using System.Text;

namespace Tuna.Evaluation.PythonSemantics;

/// <summary>Python's <c>float(text)</c>: decimal digits of any script, single underscores between digits, nan and infinity.</summary>
internal static class PythonFloat
{
    /// <summary>Parses a number.</summary>
    public static bool TryParse(string text, out double value)
    {
        value = 0;
        return Ascii(text) is { } ascii && WithoutUnderscores(ascii.Trim(' ', '\t', '\n', '\v', '\f', '\r')) is { } number
            && TryParseAscii(number, out value);
    }

    // Digits and spaces of other scripts count as ASCII's; anything else that is not ASCII spoils the number.
    private static string? Ascii(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.IsAscii)
                result.Append((char)rune.Value);
            else if (Rune.IsWhiteSpace(rune))
                result.Append(' ');
            else if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)
                result.Append((char)('0' + (int)Rune.GetNumericValue(rune)));
            else
                return null;
        }

        return result.ToString();
    }

    private static string? WithoutUnderscores(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '_' && !(i > 0 && char.IsAsciiDigit(text[i - 1]) && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1])))
                return null;
        }

        return text.Replace("_", "", StringComparison.Ordinal);
    }

    private static bool TryParseAscii(string text, out double value)
    {
        string unsigned = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        double sign = text.StartsWith('-') ? -1 : 1;
        if (unsigned.Equals("nan", StringComparison.OrdinalIgnoreCase))
        {
            value = double.NaN;
            return true;
        }

        if (unsigned.Equals("inf", StringComparison.OrdinalIgnoreCase) || unsigned.Equals("infinity", StringComparison.OrdinalIgnoreCase))
        {
            value = sign * double.PositiveInfinity;
            return true;
        }

        // .NET takes the rest of Python's grammar, and with these styles and characters nothing beyond it.
        value = 0;
        return unsigned.Length > 0
            && unsigned.All(c => char.IsAsciiDigit(c) || c is '.' or 'e' or 'E' or '+' or '-')
            && (char.IsAsciiDigit(unsigned[0]) || unsigned[0] == '.')
            && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out value);
    }
}
