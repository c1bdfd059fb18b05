using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>Texts in which one UTF-16 unit of the same category stands for each character above U+FFFF.</summary>
internal sealed class ShadowText
{
    private readonly char[] _standIns = new char[30];

    /// <param name="ranges">Characters that the pattern names one by one or in ranges: none of them can stand for others.</param>
    /// <param name="where">File and place, for messages.</param>
    public ShadowText(IReadOnlyList<(int First, int Last)> ranges, string where)
    {
        foreach (UnicodeCategory category in Enum.GetValues<UnicodeCategory>())
        {
            if (category == UnicodeCategory.Surrogate)
                continue;
            string candidates = Candidates(category);
            int free = candidates.AsSpan()
                .IndexOfAnyExcept(SearchValues.Create([.. candidates.Where(c => ranges.Any(r => r.First <= c && c <= r.Last))]));
            if (free < 0)
                throw new NotSupportedException(
                    $"{where}: the pattern names so many characters that none is left to stand for those above U+FFFF.");
            _standIns[(int)category] = candidates[free];
        }
    }

    /// <summary>Whether a text has characters that .NET would see as two.</summary>
    public static bool Needs(ReadOnlySpan<char> text) => text.ContainsAnyInRange('\uD800', '\uDFFF');

    /// <summary>The shadow, and where each of its units (and its end) lies in the text.</summary>
    public string Of(ReadOnlySpan<char> text, out int[] places)
    {
        var shadow = new StringBuilder(text.Length);
        var starts = new List<int>(text.Length + 1);
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            starts.Add(at);
            shadow.Append(rune.IsBmp ? (char)rune.Value : StandIn(rune));
            at += rune.Utf16SequenceLength;
        }

        starts.Add(at);
        places = [.. starts];
        return shadow.ToString();
    }

    /// <remarks>Circled letters are symbols and belong to words; U+24B6, which is one, stands for those above U+FFFF.</remarks>
    private char StandIn(Rune rune) =>
        rune.Value is (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189)
        ? '\u24B6'
        : _standIns[(int)Rune.GetUnicodeCategory(rune)];

    /// <summary>Characters of a category from scripts far apart.</summary>
    private static string Candidates(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => "\u0410\u0391\u0531\u10A0\u1E00",
        UnicodeCategory.LowercaseLetter => "\u0430\u03B1\u0561\u2D00\u1E01",
        UnicodeCategory.TitlecaseLetter => "\u01C5\u1F88\u1FAA",
        UnicodeCategory.ModifierLetter => "\u02B0\u0640\u0E46\u1D2C",
        UnicodeCategory.OtherLetter => "\u05D0\u0905\u0E01\u1200\u1401",
        UnicodeCategory.NonSpacingMark => "\u0300\u0591\u093C\u135D",
        UnicodeCategory.SpacingCombiningMark => "\u0903\u0B83\u1B04",
        UnicodeCategory.EnclosingMark => "\u20DD\u0488\uA670",
        UnicodeCategory.DecimalDigitNumber => "\u0660\u0966\u0E50\u1810",
        UnicodeCategory.LetterNumber => "\u2160\u16EE\u3021",
        UnicodeCategory.OtherNumber => "\u2460\u00BC\u09F4\u0BF0",
        UnicodeCategory.SpaceSeparator => "\u2000\u3000\u1680",
        UnicodeCategory.LineSeparator => "\u2028",
        UnicodeCategory.ParagraphSeparator => "\u2029",
        UnicodeCategory.Control => "\u0001\u0080",
        UnicodeCategory.Format => "\u200B\u00AD\u2060",
        UnicodeCategory.PrivateUse => "\uE000\uF000",
        UnicodeCategory.ConnectorPunctuation => "\u203F\uFE33",
        UnicodeCategory.DashPunctuation => "\u2010\u058A\u1400",
        UnicodeCategory.OpenPunctuation => "\u0F3A\u2045\u2768",
        UnicodeCategory.ClosePunctuation => "\u0F3B\u2046\u2769",
        UnicodeCategory.InitialQuotePunctuation => "\u2018\u2E02",
        UnicodeCategory.FinalQuotePunctuation => "\u2019\u2E03",
        UnicodeCategory.OtherPunctuation => "\u00A7\u0589\u0964\u1360",
        UnicodeCategory.MathSymbol => "\u2200\u03F6\u2A00",
        UnicodeCategory.CurrencySymbol => "\u20AC\u09F2\u0E3F",
        UnicodeCategory.ModifierSymbol => "\u02C2\u1FBD\uA700",
        UnicodeCategory.OtherSymbol => "\u2603\u0482\u0F01\u2800",
        _ => "\uFFFF\uFDD0",
    };
}
