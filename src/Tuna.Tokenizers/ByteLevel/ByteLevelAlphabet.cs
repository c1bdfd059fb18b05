using System.Text;

namespace Tuna.Tokenizers.ByteLevel;

/// <summary>
/// GPT-2's spelling of bytes as printable characters: 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF stand for themselves, the others follow from
/// U+0100 on.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] CharOfByte = Build();
    private static readonly Dictionary<char, byte> ByteOfChar = CharOfByte.Select((c, b) => (c, b)).ToDictionary(x => x.c, x => (byte)x.b);

    /// <summary>The character that spells a byte.</summary>
    public static char CharacterOf(byte value) => CharOfByte[value];

    /// <summary>Spells a text's UTF-8 bytes.</summary>
    public static string Spell(ReadOnlySpan<char> text)
    {
        int count = Encoding.UTF8.GetByteCount(text);
        Span<byte> bytes = count <= 256 ? stackalloc byte[count] : new byte[count];
        Encoding.UTF8.GetBytes(text, bytes);
        Span<char> chars = count <= 256 ? stackalloc char[count] : new char[count];
        for (int i = 0; i < count; i++)
            chars[i] = CharOfByte[bytes[i]];
        return new string(chars);
    }

    /// <summary>Adds the bytes that a piece spells; a piece with other characters in it is taken as text.</summary>
    public static void AddBytes(string piece, List<byte> bytes)
    {
        foreach (char c in piece)
        {
            if (!ByteOfChar.ContainsKey(c))
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(piece));
                return;
            }
        }

        foreach (char c in piece)
            bytes.Add(ByteOfChar[c]);
    }

    private static char[] Build()
    {
        var table = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
            table[b] = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return table;
    }
}
