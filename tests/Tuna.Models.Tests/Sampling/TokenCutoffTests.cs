using FsCheck;
using FsCheck.Fluent;
using Tuna.Models.Sampling;
using Tuna.Numerics;

namespace Tuna.Models.Tests.Sampling;

public class TokenCutoffTests
{
    [Fact]
    public void Last_OfAnyLogits_IsThatOfSortingThemAll() => Prop.ForAll(Gen.Choose(1, 1_000_000).ToArbitrary(), seed =>
    {
        var rng = new Rng((ulong)seed);
        // Whole numbers, so that many logits are equal.
        float[] logits = [.. Enumerable.Range(0, 1 + rng.Next(60)).Select(_ => (float)rng.Next(8))];
        int topK = rng.Next(2) * rng.Next(70);
        double topP = rng.Next(2) == 0 ? 1 : 0.05 + (0.9 * rng.NextDouble());
        return Cut(new TokenCutoff(), logits, topK, topP) == Sorted(logits, topK, topP);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Last_FromTokenToToken_RemembersNothing()
    {
        var cutoff = new TokenCutoff();
        float[] first = [3, 1, 2], second = [0, 5, 4, 4];
        Assert.Equal((2, 2), Cut(cutoff, first, 2, 1));
        Assert.Equal((4, 2), Cut(cutoff, second, 2, 1)); // of the two 4 the smaller id stays
        Assert.Equal((3, 0), Cut(cutoff, first, 0, 0.01));
        Assert.Equal((1, 1), Cut(cutoff, first, 0, 1));
        Assert.Equal((1, 1), Cut(cutoff, first, 9, 1));
    }

    [Fact]
    public void Last_NoLogitsOrOtherWeights_Throws()
    {
        Assert.Throws<ArgumentException>(() => new TokenCutoff().Last([], [], 0, 0, 1));
        Assert.Throws<ArgumentException>(() => new TokenCutoff().Last([1f, 2f], [1f], 1, 0, 1));
    }

    private static (float Logit, int Id) Cut(TokenCutoff cutoff, float[] logits, int topK, double topP)
    {
        float[] weights = Weights(logits);
        return cutoff.Last(logits, weights, weights.Sum(w => (double)w), topK, topP);
    }

    private static (float Logit, int Id) Sorted(float[] logits, int topK, double topP)
    {
        float[] weights = Weights(logits);
        int[] ranked = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).ThenBy(id => id)
            .Take(topK == 0 ? int.MaxValue : topK)];
        double total = ranked.Sum(id => (double)weights[id]), kept = 0;
        int last = 0;
        for (int r = 0; r < ranked.Length && (r == 0 || kept < topP * total); kept += weights[ranked[r++]])
            last = ranked[r];
        return (logits[last], last);
    }

    private static float[] Weights(float[] logits) => [.. logits.Select(l => MathF.Exp(l - logits.Max()))];
}
