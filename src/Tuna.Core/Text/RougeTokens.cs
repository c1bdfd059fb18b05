using System.Numerics;

namespace Tuna.Text;

/// <summary>A text as ROUGE sees it: a sequence of words, each a 64-bit key. Made by <see cref="RougeL.Tokenize"/>; immutable.</summary>
public sealed class RougeTokens
{
    private readonly ulong[] _keys;

    internal RougeTokens(ulong[] keys) => _keys = keys;

    /// <summary>Number of words.</summary>
    public int Count => _keys.Length;

    /// <summary>The words' keys, [T].</summary>
    public ReadOnlySpan<ulong> Keys => _keys;

    /// <summary>The key of a word over [a-z0-9].</summary>
    /// <remarks>
    /// Up to twelve characters are packed in base 37 and stay below 2^63, so such words never collide. Longer ones are hashed to 63 bits
    /// under a set top bit: two different long words of a pair share a key with probability about 1e-19.
    /// </remarks>
    internal static ulong Key(ReadOnlySpan<char> word)
    {
        if (word.Length <= 12)
        {
            ulong key = 0;
            foreach (char c in word)
                key = (key * 37) + (c <= '9' ? (ulong)(c - '0' + 1) : (ulong)(c - 'a' + 11));
            return key;
        }

        ulong hash = 0x9E3779B97F4A7C15UL ^ (ulong)word.Length;
        foreach (char c in word)
        {
            hash = (hash ^ c) * 0xD6E8FEB86659FD93UL;
            hash ^= BitOperations.RotateRight(hash, 29) >> 3;
        }

        return hash | (1UL << 63);
    }
}
