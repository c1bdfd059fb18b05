using System.Runtime.CompilerServices;

namespace Tuna.Numerics;

/// <summary>Hashes of text that are the same on every machine and in every version: for seeds, splits and sets of ids.
/// Compiled into every library that has such.</summary>
/// <remarks>64-bit folded multiplications over the UTF-16 code units, in the manner of wyhash; not cryptographic.</remarks>
internal static class StableHash
{
    private const ulong K0 = 0xA0761D6478BD642FUL;
    private const ulong K1 = 0xE7037ED1A0B428DBUL;

    /// <summary>The 64-bit hash of a text under a seed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ulong Of(ReadOnlySpan<char> text, ulong seed = 0)
    {
        ulong h = Mix(seed ^ K0, (ulong)text.Length ^ K1);
        int i = 0;
        for (; i + 4 <= text.Length; i += 4)
            h = Mix(h ^ Read(text.Slice(i, 4)), K1);
        if (i < text.Length)
            h = Mix(h ^ Read(text[i..]), K0);
        return Mix(h ^ K0, h ^ K1);
    }

    /// <summary>A 128-bit hash of a text: so many bits that two texts of a data set never share one.</summary>
    public static UInt128 Of128(ReadOnlySpan<char> text) => new(Of(text, K0), Of(text, K1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Read(ReadOnlySpan<char> chars)
    {
        ulong value = 0;
        for (int i = 0; i < chars.Length; i++)
            value |= (ulong)chars[i] << (16 * i);
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }
}
