namespace Tuna.Losses.Tests;

public class ListMleLossTests
{
    internal static double Reference(TestGroup g, Func<int, double> s)
    {
        int[] all = [.. Enumerable.Range(0, g.Candidates)];
        return -all.Sum(k => s(k) - Math.Log(all.Skip(k).Sum(i => Math.Exp(s(i)))));
    }

    [Fact]
    public void Evaluate_ThreeValues_MultipliesTheChoices()
    {
        // Weights 1, 2, 1: the best is chosen with 1/4, then the second with 2/3: -log(1/6).
        // d/ds: 1/4 - 1; 2/4 - 1 + 2/3; 1/4 + 1/3.
        var batch = new TestBatch(new TestGroup([0, Math.Log(2), 0], [5, 5, 5], [3, 2, 1], []));

        (double value, double[] gradient) = batch.Evaluate(ListMleLoss.OnRawValues());

        Near.Equal(Math.Log(6), value, 1e-15, "value");
        Near.Equal([-0.75, 1.0 / 6, 7.0 / 12], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Needs_ReferencePolicy_IsOfLogRatiosAlone()
    {
        Assert.True(ListMleLoss.OnLogRatios().Needs.ReferencePolicy);
        Assert.False(ListMleLoss.OnMeanLogProbs().Needs.ReferencePolicy);
        Assert.False(ListMleLoss.OnRawValues().Needs.ReferencePolicy);
    }

    [Fact]
    public void Evaluate_ValuesFarApart_NeitherOverflowsNorCancels()
    {
        var batch = new TestBatch(new TestGroup([1e4, 0, 700, -1e4], [1, 1, 1, 1], [4, 3, 2, 1], []));

        (double value, double[] gradient) = batch.Evaluate(ListMleLoss.OnRawValues());

        Near.Equal(700, value, 1e-14, "value");
        Near.Equal([0, -1, 1, 0], gradient, 1e-12, "gradient");
    }
}
