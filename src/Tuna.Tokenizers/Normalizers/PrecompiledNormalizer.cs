using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Normalizers;

/// <summary>SentencePiece's character map (such as nmt_nfkc), as Hugging Face tokenizers applies it.</summary>
/// <remarks>A map is a double array over UTF-8 bytes whose values are places in a table of texts, each ended by a zero byte.</remarks>
internal sealed class PrecompiledNormalizer : INormalizer
{
    private const int LongestGrapheme = 6; // in bytes; longer ones are mapped character by character

    private readonly uint[] _array;
    private readonly byte[] _texts;

    private PrecompiledNormalizer(uint[] array, byte[] texts)
    {
        _array = array;
        _texts = texts;
    }

    /// <exception cref="InvalidDataException">The map is damaged.</exception>
    public static PrecompiledNormalizer Read(string base64, string where)
    {
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(base64);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"{where}: 'precompiled_charsmap' is not base64.", e);
        }

        uint size = bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : uint.MaxValue;
        if (size == 0 || size % 4 != 0 || size > bytes.Length - 4)
            throw new InvalidDataException($"{where}: 'precompiled_charsmap' is cut short: {bytes.Length} bytes.");
        var array = new uint[size / 4];
        for (int i = 0; i < array.Length; i++)
            array[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 + (4 * i)));
        return new PrecompiledNormalizer(array, bytes[(4 + (int)size)..]);
    }

    public string Normalize(string text, ref bool startsText)
    {
        var result = new StringBuilder(text.Length);
        TextElementEnumerator graphemes = StringInfo.GetTextElementEnumerator(text);
        while (graphemes.MoveNext())
        {
            string grapheme = graphemes.GetTextElement();
            if (Encoding.UTF8.GetByteCount(grapheme) < LongestGrapheme && Mapped(grapheme) is { } whole)
            {
                result.Append(whole);
                continue;
            }

            foreach (Rune rune in grapheme.EnumerateRunes())
            {
                string one = rune.ToString();
                result.Append(Mapped(one) ?? one);
            }
        }

        return result.ToString();
    }

    /// <summary>What the shortest beginning that the map knows becomes, or null.</summary>
    private string? Mapped(string text)
    {
        uint node = 0;
        if (!Descend(ref node))
            return null;
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (b == 0)
                return null;
            uint at = node ^ b;
            if (at >= _array.Length || (_array[at] & 0x800000FFu) != b)
                return null;
            uint unit = _array[at];
            node = at;
            if (!Descend(ref node))
                return null;
            if ((unit >> 8 & 1) == 1 && node < _array.Length)
                return TextAt(_array[node] & 0x7FFFFFFF);
        }

        return null;
    }

    /// <summary>Goes to where a node's children begin.</summary>
    private bool Descend(ref uint node)
    {
        uint unit = node < _array.Length ? _array[node] : 0;
        node ^= (unit >> 10 << (int)((unit & (1u << 9)) >> 6));
        return node < _array.Length;
    }

    private string TextAt(uint place)
    {
        if (place >= _texts.Length)
            return "";
        int end = Array.IndexOf(_texts, (byte)0, (int)place);
        return Encoding.UTF8.GetString(_texts.AsSpan((int)place, (end < 0 ? _texts.Length : end) - (int)place));
    }
}
