namespace Tuna.Losses.Tests;

public class ProLossTests
{
    internal static double Reference(TestGroup g, double beta, bool temperatures)
    {
        double Inverse(int k, int i) => !temperatures
            ? 1 : i > k ? g.Scores[k] - g.Scores[i] : Enumerable.Range(k + 1, g.Candidates - k - 1).Max(j => g.Scores[k] - g.Scores[j]);
        double Term(int k) => Math.Log(Math.Exp(g.Mean(k) * Inverse(k, k)) / Enumerable.Range(k, g.Candidates - k)
            .Sum(i => Math.Exp(g.Mean(i) * Inverse(k, i))));
        return -Enumerable.Range(0, g.Candidates - 1).Sum(Term) - (beta * g.Mean(0));
    }

    [Fact]
    public void Evaluate_TwoEqualResponses_IsLogTwoPlusLikelihood()
    {
        var batch = new TestBatch(new TestGroup([-2, -4], [1, 2], [1, 0], []));

        (double value, double[] gradient) = batch.Evaluate(new ProLoss(beta: 0.5));

        Near.Equal(Math.Log(2) + 1, value, 1e-15, "value");
        Near.Equal([-0.5 - 0.5, 0.25], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_TemperatureOfTwo_ScalesTheExponents()
    {
        // 1/T = 3 - 1 = 2 for both: the exponents -1 and -2 become -2 and -4; -log sigmoid(2).
        var batch = new TestBatch(new TestGroup([-1, -2], [1, 1], [3, 1], []));

        (double value, double[] gradient) = batch.Evaluate(new ProLoss(beta: 0, useTemperatures: true));

        double slope = 2 / (1 + Math.Exp(2));
        Near.Equal(Math.Log(1 + Math.Exp(-2)), value, 1e-15, "value");
        Near.Equal([-slope, slope], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_EqualScoresWithTemperatures_GiveNoGradient()
    {
        var batch = new TestBatch(new TestGroup([-1, -2, -9], [1, 1, 3], [1, 1, 1], []));

        (double value, double[] gradient) = batch.Evaluate(new ProLoss(beta: 0, useTemperatures: true));

        Near.Equal(Math.Log(6), value, 1e-15, "value: the constant log 3 + log 2");
        Assert.Equal([0.0, 0.0, 0.0], gradient);
    }
}
