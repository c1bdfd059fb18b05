namespace Tuna.Losses.Tests;

public class RlooLossTests
{
    internal static double Reference(TestGroup g, double beta)
    {
        if (g.Candidates < 2)
            return 0;
        int[] all = [.. Enumerable.Range(0, g.Candidates)];
        double R(int i) => beta == 0 ? g.Scores[i] : g.Scores[i] - (beta * g.Ratio(i));
        return -all.Average(i => (R(i) - all.Where(j => j != i).Average(R)) * g.LogProbs[i]);
    }

    [Fact]
    public void Evaluate_ThreeResponses_WeighsEachByItsRewardOverTheOthers()
    {
        // Rewards 3, 0, 0: the others' means are 0, 1.5, 1.5, so the advantages are 3, -1.5, -1.5.
        var batch = new TestBatch(new TestGroup([-2, -4, -6], [1, 2, 3], [3, 0, 0], []));

        (double value, double[] gradient) = batch.Evaluate(new RlooLoss(beta: 0));

        Near.Equal(-((3 * -2) + (-1.5 * -4) + (-1.5 * -6)) / 3, value, 1e-15, "value");
        Near.Equal([-1, 0.5, 0.5], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_WithAPenalty_GradientIsThatOfFrozenAdvantages()
    {
        TestBatch batch = TestBatches.Random(3, groups: 3, maxCandidates: 6);
        double[] gradient = batch.Evaluate(new RlooLoss(0.3)).Gradient;

        int row = 0;
        foreach (TestGroup g in batch.Groups)
        {
            for (int i = 0; i < g.Candidates; i++)
            {
                double R(int k) => g.Scores[k] - (0.3 * g.Ratio(k));
                double expected = g.Candidates < 2 ? 0
                    : -(R(i) - Enumerable.Range(0, g.Candidates).Where(j => j != i).Average(R)) / g.Candidates / batch.Groups.Count;
                Near.Equal(expected, gradient[row + i], 1e-12, $"row {row + i}");
            }

            Assert.Equal(0, gradient[row + g.Candidates]); // the reference response
            row += g.LogProbs.Length;
        }
    }

    [Fact]
    public void Evaluate_AtTheRegularizedOptimum_GradientIsZero()
    {
        // log p = log p_ref + r / beta: the penalty takes away all that the rewards give.
        double[] rewards = [1.5, -0.5, 0.25], reference = [-7, -3, -11];
        var batch = new TestBatch(new TestGroup([.. rewards.Zip(reference, (r, p) => p + (r / 0.5))], [4, 2, 9], rewards, reference));

        Near.Equal([0.0, 0, 0], batch.Evaluate(new RlooLoss(0.5)).Gradient, 1e-15, "gradient");
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1e12)]
    public void Evaluate_EqualRewards_HaveExactlyZeroGradient(double reward)
    {
        var batch = new TestBatch(new TestGroup([-2, -4, -6], [1, 2, 3], [reward, reward, reward], []));

        (double value, double[] gradient) = batch.Evaluate(new RlooLoss(0));

        Assert.Equal(0, value);
        Assert.All(gradient, g => Assert.Equal(0, g));
    }

    [Fact]
    public void Evaluate_ShiftedRewards_SameGradientThatSumsToZero()
    {
        double[] rewards = [4, 1.5, 1.5, -3];
        double[] one = Gradient(rewards), moved = Gradient([.. rewards.Select(r => r + 4096)]);

        Assert.Equal(one, moved);
        Near.Equal(0, one.Sum(), 1e-15, "sum");

        static double[] Gradient(double[] rewards) =>
            new TestBatch(new TestGroup([-2, -4, -6, -1], [1, 2, 3, 1], rewards, [])).Evaluate(new RlooLoss(0)).Gradient;
    }

    [Fact]
    public void Evaluate_HugeRewards_StayFinite()
    {
        var batch = new TestBatch(new TestGroup([-2000, -4, -6e5], [1, 2, 3], [1e300, -1e300, 5e299], []));

        (double value, double[] gradient) = batch.Evaluate(new RlooLoss(0));

        Assert.True(double.IsFinite(value));
        Assert.All(gradient, g => Assert.True(double.IsFinite(g) && g != 0));
    }
}
