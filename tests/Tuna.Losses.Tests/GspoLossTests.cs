namespace Tuna.Losses.Tests;

public class GspoLossTests
{
    internal static double Reference(TestGroup g, double low, double high, double beta, bool normalize)
    {
        if (g.Candidates == 0)
            return 0;
        double[] a = Advantages(g.Scores, normalize);
        return -Enumerable.Range(0, g.Candidates).Average(i =>
        {
            double s = Math.Exp((g.LogProbs[i] - g.Old(i)) / g.Lengths[i]);
            double d = beta == 0 ? 0 : -g.Ratio(i) / g.Lengths[i];
            return Math.Min(s * a[i], Math.Clamp(s, 1 - low, 1 + high) * a[i]) - (beta * (Math.Exp(d) - d - 1));
        });
    }

    private static double[] Advantages(double[] rewards, bool normalize)
    {
        double mean = rewards.Average();
        double std = rewards.Length < 2 ? 0 : Math.Sqrt(rewards.Sum(r => (r - mean) * (r - mean)) / (rewards.Length - 1));
        return [.. rewards.Select(r => std == 0 ? 0 : (r - mean) / (normalize ? std : 1))];
    }

    [Fact]
    public void Evaluate_OnPolicy_IsThePolicyGradientOfTheNormalizedRewards()
    {
        // Ratios of 1; rewards 2 and 0 have the advantages 1 / sqrt 2 and -1 / sqrt 2, the means per token a slope of 1 / length.
        var batch = new TestBatch(new TestGroup([-4, -9], [2, 3], [2, 0], []) { OldPolicy = [-4, -9] });

        (double value, double[] gradient) = batch.Evaluate(new GspoLoss());

        double a = 1 / Math.Sqrt(2);
        Near.Equal(0, value, 1e-15, "value");
        Near.Equal([-a / 2 / 2, a / 2 / 3], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_RatioBeyondTheClip_HasZeroGradientOnlyWhereItWouldGoFurther()
    {
        // Both went up by 0.5 nats per token: the good one has gone far enough, the bad one must come back. And the other way round.
        double[] up = Gradient(0.5), down = Gradient(-0.5);

        Assert.Equal(0, up[0]);
        Near.Equal(Math.Exp(0.5) / Math.Sqrt(2) / 2, up[1], 1e-15, "the bad one, too likely");
        Near.Equal(-Math.Exp(-0.5) / Math.Sqrt(2) / 2, down[0], 1e-15, "the good one, not likely enough");
        Assert.Equal(0, down[1]);

        static double[] Gradient(double moved) => new TestBatch(new TestGroup([-4 + moved, -9 + moved], [1, 1], [2, 0], [])
            { OldPolicy = [-4, -9] }).Evaluate(new GspoLoss(0.2, 0.2)).Gradient;
    }

    [Theory]
    [InlineData(new[] { 0.3, 0.30000000000000004, 0.3 })]
    [InlineData(new[] { 1e9, 1e9, 1e9 })]
    [InlineData(new[] { 0.0, 0.0, 0.0 })]
    [InlineData(new[] { 5.0 })]
    public void Evaluate_EqualRewardsUpToRounding_HaveExactlyZeroGradient(double[] rewards)
    {
        double[] logProbs = [.. rewards.Select((_, k) => -2.0 - k)];
        int[] lengths = [.. rewards.Select(_ => 2)];
        var batch = new TestBatch(new TestGroup(logProbs, lengths, rewards, []) { OldPolicy = [.. logProbs.Select(x => x - 1)] });

        (double value, double[] gradient) = batch.Evaluate(new GspoLoss());

        Assert.Equal(0, value);
        Assert.All(gradient, g => Assert.Equal(0, g));
    }

    [Fact]
    public void Evaluate_ShiftedAndScaledRewards_SameGradient_WhoseAdvantagesSumToZero()
    {
        double[] rewards = [4, 1.5, 1.5, -3];
        double[] one = Gradient(rewards);

        Assert.Equal(one, Gradient([.. rewards.Select(r => r + 4096)]));
        Assert.Equal(one, Gradient([.. rewards.Select(r => r * 1024)]));
        Near.Equal(one, Gradient([.. rewards.Select(r => r * 1e-200)]), 1e-14, "tiny rewards, whose squares vanish");
        Near.Equal(one, Gradient([.. rewards.Select(r => r * 1e200)]), 1e-14, "huge rewards, whose squares overflow");
        Near.Equal(0, one.Sum(), 1e-15, "sum"); // equal lengths: the gradients are the advantages

        static double[] Gradient(double[] rewards) => new TestBatch(new TestGroup([-2, -4, -6, -1], [3, 3, 3, 3], rewards, [])
            { OldPolicy = [-2, -4, -6, -1] }).Evaluate(new GspoLoss()).Gradient;
    }

    [Fact]
    public void Evaluate_WithTheKlTerm_PullsToTheReference()
    {
        // Equal rewards leave the KL term alone: the response that is likelier than under the reference goes down, the other one up.
        var batch = new TestBatch(new TestGroup([-1, -5], [1, 1], [1, 1], [-2, -3]) { OldPolicy = [-1, -5] });

        (double value, double[] gradient) = batch.Evaluate(new GspoLoss(beta: 0.5));

        Near.Equal(0.5 * ((Math.Exp(-1) + 1 - 1) + (Math.Exp(2) - 2 - 1)) / 2, value, 1e-15, "value");
        Near.Equal([0.25 * (1 - Math.Exp(-1)), 0.25 * (1 - Math.Exp(2))], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_PoliciesThatHaveNothingInCommon_StaysFinite_AndPullsBack()
    {
        var batch = new TestBatch(new TestGroup([0, -9e5], [1, 1], [0, 1], [-9e5, 0]) { OldPolicy = [-9e5, 0] });

        (double value, double[] gradient) = batch.Evaluate(new GspoLoss(0.2, 0.2, beta: 0.1));

        Assert.True(double.IsFinite(value));
        Assert.All(gradient, g => Assert.True(double.IsFinite(g)));
        Assert.True(gradient[0] > 0, "a bad response that became sure must become less likely");
        Assert.True(gradient[1] < 0, "a response far below the reference must become likelier");
    }

    [Fact]
    public void Evaluate_WithoutTheOldPolicy_SaysWhatIsMissing()
    {
        var batch = new TestBatch(new TestGroup([-1, -2], [1, 1], [1, 0], []) { OldPolicy = [] });

        Assert.Contains("policy that drew the candidates", Assert.Throws<ArgumentException>(() => batch.Evaluate(new GspoLoss())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_OutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new GspoLoss(clipLow: 1.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GspoLoss(clipLow: -0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GspoLoss(clipHigh: -0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GspoLoss(beta: double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RlooLoss(-1));
    }
}
