using System.Text;
using Tuna.Tokenizers.Unicode;

namespace Tuna.Tokenizers.Normalizers;

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeNormalizer(bool compose, bool compatibility) : INormalizer
{
    public string Normalize(string text, ref bool startsText) => UnicodeNormalization.Normalize(text, compose, compatibility);
}

/// <summary>Every character to lower case, by Unicode's mappings of single characters and without a culture.</summary>
internal sealed class LowercaseNormalizer : INormalizer
{
    /// <summary>Letters that Rust does not know yet.</summary>
    private static readonly CodePointSet Unknown = CodePointSet.Parse("A7CE A7D2 A7D4 16EA0-16EB8");

    public string Normalize(string text, ref bool startsText)
    {
        var result = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value == 0x130) // the one character whose lower case is two
                result.Append("i\u0307");
            else if (Unknown.Contains(rune.Value))
                result.Append(rune);
            else
                result.Append(units[..Rune.ToLowerInvariant(rune).EncodeToUtf16(units)]);
        }

        return result.ToString();
    }
}

/// <summary>Puts a text before every text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    public string Normalize(string text, ref bool startsText) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Takes white space off one or both ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public string Normalize(string text, ref bool startsText)
    {
        int start = 0, end = text.Length;
        while (left && start < end && char.IsWhiteSpace(text[start]))
            start++;
        while (right && end > start && char.IsWhiteSpace(text[end - 1]))
            end--;
        startsText &= start == 0;
        return text[start..end];
    }
}

/// <summary>Drops every combining mark.</summary>
internal sealed class StripAccentsNormalizer : INormalizer
{
    public string Normalize(string text, ref bool startsText)
    {
        var result = new StringBuilder(text.Length);
        bool first = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool mark = CharacterClass.IsMark(rune);
            if (!mark)
                result.Append(rune);
            else if (first)
                startsText = false;
            first = false;
        }

        return result.ToString();
    }
}

/// <summary>Drops control characters and turns other spaces into U+0020, as Google's translation models do.</summary>
internal sealed class NmtNormalizer : INormalizer
{
    public string Normalize(string text, ref bool startsText)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            int c = text[i];
            if (c is (>= 1 and <= 8) or 0xB or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F)
            {
                startsText &= i > 0;
                continue;
            }

            bool space = c is 9 or 0xA or 0xC or 0xD or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF
                or 0xFFFD;
            result.Append(space ? ' ' : (char)c);
        }

        return result.ToString();
    }
}

/// <summary>Spells the text's UTF-8 bytes in GPT-2's alphabet.</summary>
internal sealed class ByteLevelNormalizer : INormalizer
{
    public string Normalize(string text, ref bool startsText) => ByteLevel.ByteLevelAlphabet.Spell(text);
}
