namespace Tuna.Losses.Tests;

public class RrhfLossTests
{
    internal static double Reference(TestGroup g)
    {
        IEnumerable<double> hinges =
            from i in Enumerable.Range(0, g.Candidates)
            from j in Enumerable.Range(0, g.Candidates)
            where g.Scores[i] < g.Scores[j]
            select Math.Max(0, g.Mean(i) - g.Mean(j));
        return hinges.Sum() - g.LogProbs[Array.IndexOf(g.Scores, g.Scores.Max())];
    }

    [Fact]
    public void Evaluate_ThreeUnsortedResponses_SumsHingesAndLikelihoodOfTheBest()
    {
        // Means -1, -2, -3 with scores 0, 2, 1: pairs 0 under 1 (hinge 1), 0 under 2 (hinge 2), 2 under 1 (satisfied); best is 1: log p =
        // -4.
        var batch = new TestBatch(new TestGroup([-1, -4, -9], [1, 2, 3], [0, 2, 1], []));

        (double value, double[] gradient) = batch.Evaluate(new RrhfLoss());

        Assert.Equal(7, value);
        Near.Equal([2, -0.5 - 1, -1.0 / 3], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_SatisfiedPairs_HaveExactlyZeroGradient()
    {
        var batch = new TestBatch(new TestGroup([-1, -2, -3], [1, 1, 1], [3, 2, 1], []));

        Assert.Equal([-1.0, 0.0, 0.0], batch.Evaluate(new RrhfLoss()).Gradient);
    }

    [Fact]
    public void Evaluate_NoCandidate_NamesTheGroup()
    {
        var batch = new TestBatch(new TestGroup([-1], [1], [], [], HasReference: true));

        Assert.Contains("Group 0", Assert.Throws<ArgumentException>(() => batch.Evaluate(new RrhfLoss())).Message,
            StringComparison.Ordinal);
    }
}
