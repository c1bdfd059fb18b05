namespace Tuna.Losses.Tests;

public class LipoLambdaLossTests
{
    internal static double Reference(TestGroup g, double beta)
    {
        int[] all = [.. Enumerable.Range(0, g.Candidates)];
        double S(int i) => beta * g.Ratio(i);
        int[] byValue = [.. all.OrderByDescending(S)]; // stable: equal values keep their order
        double D(int i) => Math.Log(1 + (1 + Array.IndexOf(byValue, i)));
        double G(int i) => Math.Pow(2, g.Scores[i]) - 1;
        return (from i in all from j in all where g.Scores[i] > g.Scores[j] select Math.Abs(G(i) - G(j)) * Math.Abs((1 / D(i)) - (1 / D(j)))
            * Math.Log(1 + Math.Exp(-(S(i) - S(j))))).Sum();
    }

    [Fact]
    public void Evaluate_TwoEqualRatios_WeighsLogTwoByTheSwap()
    {
        // G = 1 and 0; equal values rank as they come: D = ln 2 and ln 3.
        var batch = new TestBatch(new TestGroup([-5, -6], [2, 2], [1, 0], [-5, -6]));

        (double value, double[] gradient) = batch.Evaluate(new LipoLambdaLoss(beta: 0.5));

        double weight = (1 / Math.Log(2)) - (1 / Math.Log(3));
        Near.Equal(weight * Math.Log(2), value, 1e-15, "value");
        Near.Equal([-weight / 4, weight / 4], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_MoreCandidatesThanTheStackHolds_EqualsTheReference()
    {
        var batch = new TestBatch(TestBatches.Group(new(8), 300));

        Near.Equal(Reference(batch.Groups[0], 0.1), batch.Evaluate(new LipoLambdaLoss(0.1)).Value, 1e-12, "value");
    }

    [Fact]
    public void Evaluate_ScoreTooLargeForAGain_NamesGroupAndScore()
    {
        var batch = new TestBatch(new TestGroup([-5, -6], [2, 2], [2000, 0], [-5, -6]));

        string message = Assert.Throws<ArgumentException>(() => batch.Evaluate(new LipoLambdaLoss())).Message;

        Assert.Contains("Group 0", message, StringComparison.Ordinal);
        Assert.Contains("2000", message, StringComparison.Ordinal);
    }
}
