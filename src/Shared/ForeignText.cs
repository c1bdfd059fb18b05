using System.Globalization;
using System.Text;

namespace Tuna.Text;

/// <summary>Text that comes from files, services and models, made fit for a message: short, on one line, without anything that steers a
/// terminal. Compiled into every library that repeats such text.</summary>
internal static class ForeignText
{
    /// <summary>Most characters that <see cref="Shorten"/> keeps by default.</summary>
    public const int DefaultLength = 120;

    /// <summary>
    /// Control characters (escapes and line breaks among them), directional marks and lone surrogates become <c>\uXXXX</c>; what is longer
    /// than <paramref name="length"/> is cut between code points and ends in <c>... (N characters)</c>.
    /// </summary>
    /// <param name="text">Any text; null gives the empty one.</param>
    /// <param name="length">Most characters of the text to keep, >= 1.</param>
    public static string Shorten(string? text, int length = DefaultLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (string.IsNullOrEmpty(text))
            return "";
        if (text.Length <= length && IsPlain(text))
            return text;
        var result = new StringBuilder(Math.Min(text.Length, length) + 32);
        int at = 0;
        while (at < text.Length && at < length)
        {
            bool whole = Rune.TryGetRuneAt(text, at, out Rune rune);
            int units = whole ? rune.Utf16SequenceLength : 1;
            if (at + units > length)
                break;
            if (whole && !Steers(rune))
                result.Append(text, at, units);
            else
                Escape(result, text.AsSpan(at, units));
            at += units;
        }
        if (at < text.Length)
            result.Append(CultureInfo.InvariantCulture, $"... ({text.Length} characters)");
        return result.ToString();
    }

    /// <summary>
    /// The whole text for a terminal: as it is, but with control characters other than tabs and line ends, and marks that turn the
    /// direction of writing, as <c>\uXXXX</c>.
    /// </summary>
    /// <param name="text">Any text, of several lines perhaps.</param>
    public static string Printable(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.Any(IsUnsafe))
            return text;
        var result = new StringBuilder(text.Length + 16);
        for (int i = 0; i < text.Length; i++)
        {
            if (!IsUnsafe(text[i]) || text.AsSpan(i).StartsWith("\r\n"))
                result.Append(text[i]);
            else
                Escape(result, text.AsSpan(i, 1));
        }
        return result.ToString();
    }

    private static bool IsUnsafe(char c) => (char.IsControl(c) && c is not ('\n' or '\t')) || TurnsWriting(c);

    private static bool TurnsWriting(char c) => c is (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    private static bool IsPlain(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsAscii(c) || char.IsControl(c))
                return false;
        }
        return true;
    }

    private static bool Steers(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static void Escape(StringBuilder result, ReadOnlySpan<char> units)
    {
        foreach (char c in units)
            result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
    }
}
