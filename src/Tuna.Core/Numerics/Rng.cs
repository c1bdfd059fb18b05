using System.Numerics;

namespace Tuna.Numerics;

/// <summary>A small seeded generator (xoshiro256**, Blackman and Vigna, 2018) from whose seeds further streams can be derived.</summary>
/// <remarks>A mutable class, used by one thread. Its sequence is part of the library's contract: seeds mean the same in every
/// version.</remarks>
public sealed class Rng
{
    private ulong _a, _b, _c, _d;

    /// <summary>Creates the generator of a seed.</summary>
    public Rng(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    /// <summary>A seed for an independent stream: a hash of a seed and a stream number.</summary>
    public static ulong Derive(ulong seed, ulong stream)
    {
        ulong x = seed;
        ulong mixed = SplitMix(ref x) ^ BitOperations.RotateLeft(stream * 0x9E3779B97F4A7C15UL, 29);
        return SplitMix(ref mixed);
    }

    /// <summary>A seed for the stream that a name has, such as a row's id: a hash of both, the same on every machine and in every
    /// version.</summary>
    public static ulong Derive(ulong seed, ReadOnlySpan<char> name) => StableHash.Of(name, seed);

    /// <summary>The next 64 random bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>A double in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>An integer in [0, <paramref name="bound"/>), without bias.</summary>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        ulong limit = ulong.MaxValue - (ulong.MaxValue % (uint)bound);
        ulong x;
        do
            x = NextUInt64();
        while (x >= limit);
        return (int)(x % (uint)bound);
    }

    /// <summary>A standard normal number (Box and Muller; two uniforms each, none is kept).</summary>
    public double NextGaussian()
    {
        double u = 1 - NextDouble(); // in (0, 1], so that the logarithm is finite
        return Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * NextDouble());
    }

    /// <summary>Shuffles in place (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong SplitMix(ref ulong x)
    {
        ulong z = x += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
