using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tuna.Numerics;

namespace Tuna.Models.Sampling;

/// <summary>Draws from a softmax by Gumbel-max (Gumbel, 1954): the token of the largest logit / temperature - log(E), E exponential noise
/// of its own.</summary>
/// <remarks>
/// The noise is a pure function of a stream, a place in it and a token: two sets of logits that are nearly the same draw nearly always the
/// same token (Daliri, Musco and Suresh, arXiv 2408.07978), which an inverse cumulative distribution does not do. The noise comes from
/// integers, scores are in double precision and vectors only rule tokens out, so that a draw does not depend on the instruction set. All
/// engines draw with it, the same seed thus gives the same tokens where their logits agree; its values are part of the library's contract.
/// </remarks>
public readonly struct GumbelNoise
{
    // Every score is at most this above (logit - max) / T - ln 2 * (bits of the noise as a float) / 2^23: see Bound. The last term is far
    // more than rounding adds.
    private const float BoundOffset = (158 * 0.693147181f) + 1e-3f;
    private const float BoundSlope = -0.693147181f / (1 << 23);

    /// <summary>The largest 1 / T that is reckoned with: colder is colder than differences of single-precision logits can show, and its
    /// products stay finite.</summary>
    public const double LargestInverseTemperature = 1e20;

    private readonly uint _first, _second;

    /// <summary>The noise at a place of a stream.</summary>
    /// <param name="stream">The stream: of a sample, <see cref="Rng.Derive(ulong, ulong)"/> of its request's seed and its number.</param>
    /// <param name="place">The place: of a sample's token, how many of its own precede it.</param>
    public GumbelNoise(ulong stream, int place)
    {
        ulong key = Rng.Derive(stream, (ulong)place);
        (_first, _second) = ((uint)key, (uint)(key >> 32));
    }

    /// <summary>The noise of a token, -log(E), in about [-3.2, 22.9].</summary>
    public double Of(int token) => -Math.Log(-Math.Log(1 - ((Bits((uint)token) + 0.5) * (1.0 / (1L << 32)))));

    /// <summary>The token of the largest score among those whose logit is above a bound, or at it with no larger id than the
    /// last.</summary>
    /// <param name="logits">Logits, [V], not NaN.</param>
    /// <param name="max">The largest of them, finite.</param>
    /// <param name="temperature">T, above 0.</param>
    /// <param name="least">The bound.</param>
    /// <param name="lastId">The largest id at the bound.</param>
    /// <returns>The token; -1 when the bound leaves none.</returns>
    /// <exception cref="ArgumentException">There are no logits.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is not above 0.</exception>
    public int ArgMax(ReadOnlySpan<float> logits, float max, double temperature, float least = float.NegativeInfinity,
        int lastId = int.MaxValue)
    {
        if (logits.IsEmpty)
            throw new ArgumentException("There are no logits to draw from.", nameof(logits));
        if (!(temperature > 0))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature,
                "The temperature is above 0; without noise the largest logit is the one.");
        double inverseTemperature = Math.Min(1 / temperature, LargestInverseTemperature);
        int count = logits.Length;
        ref float start = ref MemoryMarshal.GetReference(logits);
        var best = (Score: double.NegativeInfinity, Token: -1);
        int width = Vector<float>.Count, i = 0, whole = count - (count % width);
        while ((i = Skip(ref start, i, whole, max, (float)inverseTemperature, least, (float)best.Score, out Vector<int> possible)) < whole)
        {
            for (int j = 0; j < width; j++, i++)
            {
                if (possible[j] != 0)
                    Try(logits, i, max, inverseTemperature, least, lastId, ref best);
            }
        }

        for (; i < count; i++)
            Try(logits, i, max, inverseTemperature, least, lastId, ref best);
        return best.Token;
    }

    /// <summary>The first vector of logits, from <paramref name="i"/> on, in which one that is not cut off may score above the best so far,
    /// and where in it; <paramref name="end"/> when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Skip(ref float start, int i, int end, float max, float inverseTemperature, float least, float best,
        out Vector<int> possible)
    {
        // A method of its own, since one that calls others keeps the vectors in memory.
        int width = Vector<float>.Count;
        Vector<float> shift = new(max), scale = new(inverseTemperature), bound = new(least), beaten = new(best);
        Vector<uint> ids = Vector<uint>.Indices + new Vector<uint>((uint)i + _first), second = new(_second), step = new((uint)width);
        for (; i < end; i += width, ids += step)
        {
            Vector<int> bits = Vector.AsVectorInt32(Mix(Mix(ids) ^ second));
            Vector<float> l = Vector.LoadUnsafe(ref start, (nuint)i), score = Vector.MultiplyAddEstimate(l - shift, scale, Bound(bits));
            if (!Vector.GreaterThanAny(score, beaten))
                continue;
            possible = Vector.GreaterThan(score, beaten) & Vector.GreaterThanOrEqual(l, bound);
            if (possible != Vector<int>.Zero)
                return i;
        }

        possible = Vector<int>.Zero;
        return end;
    }

    private void Try(ReadOnlySpan<float> logits, int token, float max, double inverseTemperature, float least, int lastId,
        ref (double Score, int Token) best)
    {
        if (logits[token] < least || (logits[token] == least && token > lastId))
            return;
        double score = (((double)logits[token] - max) * inverseTemperature) + Of(token);
        if (score > best.Score)
            best = (score, token);
    }

    private uint Bits(uint token) => Mix(Mix(token + _first) ^ _second);

    /// <summary>A bound of the noise of some bits h, at most 0.061 above it until it is below 0.</summary>
    /// <remarks>
    /// With U = (h + 1/2) / 2^32, E = -log(1 - U) is at least U, and U at least 2 (h >> 1) / 2^32. A float's bits are linear between powers
    /// of two, where the logarithm is concave: bits / 2^23 - 127 is at most its binary logarithm.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Bound(Vector<int> h)
    {
        Vector<int> bits = Vector.AsVectorInt32(Vector.ConvertToSingle(Vector.ShiftRightLogical(h, 1)));
        return Vector.MultiplyAddEstimate(Vector.ConvertToSingle(bits), new Vector<float>(BoundSlope), new Vector<float>(BoundOffset));
    }

    /// <summary>A bijection of 32 bits that lets each bit change every other with nearly even odds: lowbias32 of Chris Wellons'
    /// "Prospecting for hash functions" (2018, public domain).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Mix(uint x)
    {
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        return x ^ (x >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> Mix(Vector<uint> x)
    {
        x = (x ^ Vector.ShiftRightLogical(x, 16)) * new Vector<uint>(0x7FEB352D);
        x = (x ^ Vector.ShiftRightLogical(x, 15)) * new Vector<uint>(0x846CA68B);
        return x ^ Vector.ShiftRightLogical(x, 16);
    }
}
