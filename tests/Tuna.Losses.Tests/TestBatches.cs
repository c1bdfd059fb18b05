using Tuna.Numerics;

namespace Tuna.Losses.Tests;

/// <summary>Seeded ragged batches.</summary>
internal static class TestBatches
{
    public static TestBatch Random(ulong seed, int groups, int maxCandidates, bool ties = false)
    {
        var rng = new Rng(seed);
        return new TestBatch([.. Enumerable.Range(0, groups).Select(_ => Group(rng, 1 + rng.Next(maxCandidates), ties))]);
    }

    /// <summary>K candidates and a reference response. Mean log-probabilities lie between -3.05 and -0.05, so that the plain formulas of
    /// the references are accurate.</summary>
    public static TestGroup Group(Rng rng, int candidates, bool ties = false)
    {
        int[] lengths = [.. Enumerable.Range(0, candidates + 1).Select(_ => 1 + rng.Next(40))];
        double[] logProbs = [.. lengths.Select(n => -n * (0.05 + (3 * rng.NextDouble())))];
        double[] scores = [.. Enumerable.Range(0, candidates).Select(_ => ties ? rng.Next(3) / 2.0 : rng.NextDouble()).OrderDescending()];
        return new TestGroup(logProbs, lengths, scores, [.. logProbs.Select(x => x + (4 * rng.NextGaussian()))], HasReference: true)
        {
            OldPolicy = Old(logProbs, lengths, candidates),
        };
    }

    // Up to half a nat per token away, from a stream of its own.
    private static double[] Old(double[] logProbs, int[] lengths, int candidates)
    {
        var rng = new Rng(BitConverter.DoubleToUInt64Bits(logProbs[0]));
        return [.. Enumerable.Range(0, candidates).Select(k => logProbs[k] + (lengths[k] * (rng.NextDouble() - 0.5)))];
    }
}
