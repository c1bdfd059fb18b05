using System.Globalization;
using System.Text;

namespace Tuna.Evaluation.PythonSemantics;

/// <summary>Python's string methods where they differ from .NET's: the official scorers are Python, and their verdicts depend on
/// these.</summary>
/// <remarks>
/// The character classes were compared over all of Unicode with CPython's: <c>\w</c> is L*, Nd, Nl, No and <c>_</c> (.NET's has marks and
/// connectors in place of Nl and No), white space has the four information separators besides .NET's, and <c>lower()</c> differs in U+0130
/// and in the final sigma.
/// </remarks>
internal static class PythonText
{
    private const char CapitalSigma = '\u03A3';
    private const char FinalSigma = '\u03C2';

    /// <summary><c>str.isspace</c> of one character; it is also the <c>\s</c> of the re module.</summary>
    public static bool IsSpace(char c) => c is >= '\u001C' and <= '\u001F' || char.IsWhiteSpace(c);

    /// <summary><c>str.strip()</c>.</summary>
    public static string Strip(string text)
    {
        int start = 0, end = text.Length;
        while (start < end && IsSpace(text[start]))
            start++;
        while (end > start && IsSpace(text[end - 1]))
            end--;
        return text[start..end];
    }

    /// <summary><c>" ".join(text.split())</c>.</summary>
    public static string SqueezeSpaces(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (!IsSpace(c))
                result.Append(c);
            else if (result.Length > 0 && result[^1] != ' ')
                result.Append(' ');
        }

        if (result.Length > 0 && result[^1] == ' ')
            result.Length--;
        return result.ToString();
    }

    /// <summary><c>str.lower()</c>, the full mapping: U+0130 becomes two characters, a capital sigma at the end of a word the final
    /// one.</summary>
    public static string Lower(string text)
    {
        string lower = text.ToLowerInvariant();
        if (!text.AsSpan().ContainsAny('\u0130', CapitalSigma))
            return lower;

        var result = new StringBuilder(text.Length + 2);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\u0130')
                result.Append("i\u0307");
            else if (text[i] == CapitalSigma && IsFinal(text, i))
                result.Append(FinalSigma);
            else
                result.Append(lower[i]); // every other simple lower-case mapping keeps the number of UTF-16 units
        }

        return result.ToString();
    }

    /// <summary>Whether the re module's <c>\w</c> matches.</summary>
    public static bool IsWord(Rune rune) =>
        rune.IsAscii ? rune.Value == '_' || char.IsAsciiLetterOrDigit((char)rune.Value) : IsWord(Rune.GetUnicodeCategory(rune));

    /// <summary>Whether the re module's <c>\w</c> matches characters of a category (<c>_</c> aside).</summary>
    public static bool IsWord(UnicodeCategory category) => category is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
        or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>Whether a character is in <c>string.punctuation</c>, the ASCII punctuation and symbols.</summary>
    public static bool IsPunctuation(char c) =>
        c is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~');

    // Unicode's Final_Sigma condition: after a cased letter, before none; what is case-ignorable between them does not count.
    private static bool IsFinal(string text, int at)
    {
        return IsCased(LastBefore(text, at)) && !IsCased(FirstAfter(text, at + 1));

        static bool IsCased(Rune? rune) => rune is { } found
            && Rune.GetUnicodeCategory(found) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
                or UnicodeCategory.TitlecaseLetter;

        static Rune? LastBefore(string text, int end)
        {
            while (end > 0)
            {
                Rune.DecodeLastFromUtf16(text.AsSpan(0, end), out Rune rune, out int units);
                if (!IsCaseIgnorable(rune))
                    return rune;
                end -= units;
            }

            return null;
        }

        static Rune? FirstAfter(string text, int start)
        {
            while (start < text.Length)
            {
                Rune.DecodeFromUtf16(text.AsSpan(start), out Rune rune, out int units);
                if (!IsCaseIgnorable(rune))
                    return rune;
                start += units;
            }

            return null;
        }

        static bool IsCaseIgnorable(Rune rune) => rune.Value is '\'' or '.' or ':' or 0xB7 or 0x2018 or 0x2019 or 0x2024 or 0x2027
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
                or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
    }
}
