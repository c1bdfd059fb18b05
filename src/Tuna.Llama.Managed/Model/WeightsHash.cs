using System.Runtime.InteropServices;

namespace Tuna.Llama.Managed.Model;

/// <summary>A hash of weights' bits, to compare copies; not cryptographic.</summary>
internal static class WeightsHash
{
    private const ulong Factor = 0x9E3779B97F4A7C15UL;

    /// <summary>The hash, going on from another.</summary>
    public static ulong Of(ReadOnlySpan<float> weights, ulong seed)
    {
        // Four chains beside each other: a multiplication takes longer than the next one has to wait.
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<float, ulong>(weights);
        ulong a = seed ^ (ulong)weights.Length, b = a + Factor, c = b + Factor, d = c + Factor;
        int i = 0;
        for (; i + 4 <= words.Length; i += 4)
        {
            a = Mix(a, words[i]);
            b = Mix(b, words[i + 1]);
            c = Mix(c, words[i + 2]);
            d = Mix(d, words[i + 3]);
        }

        for (; i < words.Length; i++)
            a = Mix(a, words[i]);
        if (weights.Length % 2 != 0)
            a = Mix(a, BitConverter.SingleToUInt32Bits(weights[^1]));
        return Mix(Mix(Mix(a, b), c), d);
    }

    private static ulong Mix(ulong hash, ulong word)
    {
        hash = (hash ^ word) * Factor;
        return hash ^ (hash >> 29);
    }
}
