using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>Text as Python treats it: what a space is, how numbers and strings are written out, positions in code points.</summary>
internal static class PythonText
{
    /// <summary>What <c>str.isspace</c> and <c>str.strip</c> take for a space.</summary>
    public static readonly SearchValues<char> Spaces = SearchValues.Create(
        "\t\n\v\f\r\u001c\u001d\u001e\u001f "
            + "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000");

    // Upper and lower case of these are several characters, or depend on their neighbours, or differ between runtimes.
    private static readonly SearchValues<char> OddUpper =
        SearchValues.Create(Odd([(0xDF, 0xDF), (0x131, 0x131), (0x149, 0x149), (0x17F, 0x17F), (0x1C5, 0x1C5), (0x1C8, 0x1C8),
        (0x1CB, 0x1CB),
        (0x1F0, 0x1F0), (0x1F2, 0x1F2), (0x345, 0x345), (0x390, 0x390), (0x3B0, 0x3B0), (0x587, 0x587), (0x1E96, 0x1E9A), (0x1F50, 0x1F57),
            (0x1F80, 0x1FFF), (0xFB00, 0xFB17)]));

    private static readonly SearchValues<char> OddLower =
        SearchValues.Create(Odd([(0x130, 0x130), (0x3A3, 0x3A3), (0x1C5, 0x1C5), (0x1C8, 0x1C8), (0x1CB, 0x1CB), (0x1F2, 0x1F2),
        (0x1F88, 0x1FFF), (0x2126, 0x212B)]));

    public static bool IsSpace(char c) => Spaces.Contains(c);

    public static string TrimEnd(string text)
    {
        int last = text.AsSpan().LastIndexOfAnyExcept(Spaces);
        return text[..(last + 1)];
    }

    public static string TrimStart(string text)
    {
        int first = text.AsSpan().IndexOfAnyExcept(Spaces);
        return first < 0 ? "" : text[first..];
    }

    public static bool TryUpper(string text, out string upper)
    {
        upper = text.ToUpperInvariant();
        return text.AsSpan().IndexOfAny(OddUpper) < 0;
    }

    public static bool TryLower(string text, out string lower)
    {
        lower = text.ToLowerInvariant();
        return text.AsSpan().IndexOfAny(OddLower) < 0;
    }

    /// <summary>Number of code points.</summary>
    public static int Length(string text)
    {
        int pairs = 0;
        for (int i = 0; i + 1 < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i], text[i + 1]))
            {
                pairs++;
                i++;
            }
        }

        return text.Length - pairs;
    }

    /// <summary>The code points, each as a string.</summary>
    public static IEnumerable<string> CodePoints(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            yield return pair ? text.Substring(i, 2) : text[i].ToString();
            if (pair)
                i++;
        }
    }

    /// <summary>Order by code points, as Python compares; UTF-16 puts some after others.</summary>
    public static int Compare(string a, string b)
    {
        int n = Math.Min(a.Length, b.Length);
        for (int i = 0; i < n; i++)
        {
            if (a[i] != b[i])
                return Rank(a[i]).CompareTo(Rank(b[i]));
        }

        return a.Length.CompareTo(b.Length);
    }

    /// <summary><c>repr</c> of a number.</summary>
    public static string Number(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        if (value == 0)
            return double.IsNegative(value) ? "-0.0" : "0.0";
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        (string digits, int exponent) = Decimal(shortest);
        string sign = value < 0 ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            string mantissa = digits.Length == 1 ? digits : $"{digits[0]}.{digits[1..]}";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }

        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        return digits.Length <= exponent + 1
            ? $"{sign}{digits}{new string('0', exponent + 1 - digits.Length)}.0"
            : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    /// <summary><c>repr</c> of a string.</summary>
    public static void Quote(string text, StringBuilder output)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        output.Append(quote);
        foreach (string point in CodePoints(text))
            Quote(point, quote, output);
        output.Append(quote);
    }

    private static void Quote(string point, char quote, StringBuilder output)
    {
        char c = point[0];
        if (point.Length == 1 && (c == quote || c == '\\'))
            output.Append('\\').Append(c);
        else if (point.Length == 1 && c is '\n' or '\r' or '\t')
            output.Append('\\').Append(c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (point == " " || Printable(point))
            output.Append(point);
        else if (point.Length == 2)
            output.Append(CultureInfo.InvariantCulture, $"\\U{char.ConvertToUtf32(point, 0):x8}");
        else
            output.Append(CultureInfo.InvariantCulture, $"{(c < 0x100 ? $"\\x{(int)c:x2}" : $"\\u{(int)c:x4}")}");
    }

    private static bool Printable(string point) =>
        CharUnicodeInfo.GetUnicodeCategory(point, 0) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    // The significant digits of a number and the decimal exponent of the first.
    private static (string Digits, int Exponent) Decimal(string text)
    {
        text = text.TrimStart('-');
        int e = text.IndexOf('E', StringComparison.Ordinal);
        int shift = e < 0 ? 0 : int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = e < 0 ? text : text[..e];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        int exponent = (point < 0 ? digits.Length : point) - 1 + shift;
        int zeros = digits.Length - digits.TrimStart('0').Length;
        return (digits.Trim('0'), exponent - zeros);
    }

    private static int Rank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;

    private static string Odd((int First, int Last)[] ranges) =>
        string.Concat(ranges.SelectMany(r => Enumerable.Range(r.First, r.Last - r.First + 1)).Select(c => (char)c));
}
