using System.Runtime.CompilerServices;

namespace Tuna.Numerics;

/// <summary>Hashes of text that are the same on every machine and in every version: for seeds, splits and sets of ids.</summary>
/// <remarks>64-bit folded multiplications over the UTF-16 code units, in the manner of wyhash; not cryptographic.</remarks>
public static class StableHash
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

    /// <summary>Whether the row of an id belongs to the held-out part of a split; the same rows in every run and whatever the file's
    /// order.</summary>
    /// <param name="id">The row's id.</param>
    /// <param name="fraction">Expected share of rows held out, [0, 1].</param>
    /// <param name="seed">Another seed gives another split.</param>
    public static bool IsHeldOut(string id, double fraction, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (!(fraction >= 0 && fraction <= 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "A fraction is in [0, 1].");
        return (Of(id, seed) >> 11) * (1.0 / (1UL << 53)) < fraction;
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
