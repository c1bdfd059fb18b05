namespace Tuna.Losses.Tests;

public class OrpoLossTests
{
    internal static double Reference(TestGroup g, double lambda, PairSelection pairs)
    {
        double LogOdds(int k) => Math.Log(Math.Exp(g.Mean(k)) / (1 - Math.Exp(g.Mean(k))));
        return -g.Mean(0) + (lambda * Pairs.Mean(g, pairs, (w, l) => -Pairs.LogSigmoid(LogOdds(w) - LogOdds(l))));
    }

    [Fact]
    public void Evaluate_ProbabilitiesOfThreeQuartersAndOneHalf_HasOddsRatioThree()
    {
        // odds 3 and 1: -log sigmoid(log 3) = log(4/3). d log odds / d q = 1 / (1 - p): 4 and 2; slope of the odds term -1/4.
        var batch = new TestBatch(new TestGroup([2 * Math.Log(0.75), 3 * Math.Log(0.5)], [2, 3], [1, 0], []));

        (double value, double[] gradient) = batch.Evaluate(new OrpoLoss(lambda: 0.2));

        Near.Equal(-Math.Log(0.75) + (0.2 * Math.Log(4.0 / 3)), value, 1e-14, "value");
        Near.Equal([(-1 - 0.2) / 2, 0.2 * 0.5 / 3], gradient, 1e-14, "gradient");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1e-9)] // the rounding of an engine can leave a certain response slightly above 0
    public void Evaluate_CertainBestResponse_IsFinite(double logProb)
    {
        var batch = new TestBatch(new TestGroup([logProb, -3], [4, 3], [1, 0], []));

        (double value, double[] gradient) = batch.Evaluate(new OrpoLoss());

        Assert.InRange(value, -1e-9, 1e-15);
        Assert.All(gradient, g => Assert.InRange(g, -1, 1));
    }

    [Fact]
    public void Evaluate_NoCandidate_NamesTheGroup()
    {
        var batch = new TestBatch(TestBatches.Group(new(1), 3), new TestGroup([-1], [1], [], [-1], HasReference: true));

        Assert.Contains("Group 1", Assert.Throws<ArgumentException>(() => batch.Evaluate(new OrpoLoss())).Message,
            StringComparison.Ordinal);
    }
}
