using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Unicode;

/// <summary>What kinds of characters the components of Hugging Face tokenizers ask for.</summary>
internal static class CharacterClass
{
    public static UnicodeCategory Category(Rune rune) => Rune.GetUnicodeCategory(rune);

    /// <summary>Decimal digits, letter numbers and other numbers.</summary>
    public static bool IsNumeric(Rune rune) => Category(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>Punctuation by category, and all of ASCII's marks, symbols included.</summary>
    public static bool IsPunctuation(Rune rune) =>
        (rune.IsAscii && (char.IsPunctuation((char)rune.Value) || char.IsSymbol((char)rune.Value))) || Category(rune) is
            UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
            or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation;

    /// <summary><c>\w</c> of Rust's regular expressions: alphabetic characters, marks, decimal digits, connectors and joiners.</summary>
    public static bool IsWord(Rune rune) => rune.Value is 0x200C or 0x200D
        or (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189) // circled letters
        || Category(rune) is
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.ConnectorPunctuation;
}
