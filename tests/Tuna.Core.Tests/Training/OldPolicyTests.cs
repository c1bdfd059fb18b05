using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

/// <summary>The log-probabilities of the policy that drew the responses, on their way to a loss.</summary>
public sealed class OldPolicyTests : IDisposable
{
    private static readonly TrainerOptions Options = TrainingFixtures.Options;
    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(1, 4, 0, PassMode.Fused)]
    [InlineData(3, 1, 0, PassMode.Fused)]
    [InlineData(3, 2, 25, PassMode.Fused)]
    [InlineData(2, 2, 0, PassMode.ScoreFirst)]
    public void Train_SeveralStepsOnOneSample_RatioStartsAtOneAndMoves(int groupsPerPass, int passes, int tokens, PassMode mode)
    {
        using var policy = new BigramPolicy();
        TokenGroup[] groups = TrainingFixtures.Groups(9);
        IReadOnlyList<TokenGroup> drawn = ReferenceLogProbs.Score(policy, groups, groupsPerPass: 2).AsOldPolicy(groups);
        var loss = new RatioLoss();
        TrainerOptions options = Options with
        {
            GroupsPerMicroBatch = groupsPerPass,
            MicroBatchesPerStep = passes,
            MicroBatchTokens = tokens,
            PassMode = mode,
            Epochs = 3,
        };

        TrainingResult result = new RankingTrainer(policy, loss, options).Train(drawn);

        int firstStep = result.History[0].Groups;
        double[] first = [.. loss.LogRatios.Take(firstStep).SelectMany(r => r)];
        Assert.All(first, r => Assert.Equal(0, r, 1e-12)); // each response met its own number, whatever the batch
        double[] later = [.. loss.LogRatios.Skip(firstStep).SelectMany(r => r)];
        Assert.True(later.Count(r => Math.Abs(r) > 1e-4) > later.Length / 2, "the old policy moves with the new one");
    }

    [Fact]
    public void Train_WithoutThem_NamesTheRowBeforeTheFirstStep()
    {
        using var policy = new BigramPolicy { At = at => Assert.Fail($"{at}: nothing may be computed") };
        TokenGroup[] groups = TrainingFixtures.Groups(6);
        groups[..3].Select(g => g.WithOldPolicy(new double[g.CandidateCount])).ToArray().CopyTo(groups, 0);

        string message = Assert.Throws<ArgumentException>(() => new RankingTrainer(policy, new RatioLoss(), Options).Train(groups)).Message;

        Assert.Contains("'g3'", message, StringComparison.Ordinal);
        Assert.Contains("drew", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_ResumedWithOtherNumbers_IsRefused_WhereTheLossReadsThem()
    {
        TokenGroup[] groups = TrainingFixtures.Groups(6);
        TokenGroup[] With(double logProb) =>
            [.. groups.Select(g => g.WithOldPolicy(Enumerable.Repeat(logProb, g.CandidateCount).ToArray()))];

        Run(new RatioLoss(), With(-1), "ratio");
        Assert.Contains("data", Assert.Throws<InvalidOperationException>(() => Run(new RatioLoss(), With(-2), "ratio")).Message,
            StringComparison.OrdinalIgnoreCase);
        Run(new RatioLoss(), With(-1), "ratio");
        Run(new HingeLoss(), groups, "hinge"); // a run from before there were such numbers
        Run(new HingeLoss(), With(-1), "hinge");

        void Run(IRankingLoss loss, TokenGroup[] data, string folder)
        {
            using var policy = new BigramPolicy();
            new RankingTrainer(policy, loss, Options with { RunFolder = _temp[folder] }).Train(data);
        }
    }

    [Fact]
    public void WithOldPolicy_NumbersThatDoNotFit_AreRefused()
    {
        var group = new TokenGroup("g", new[] { 1 }, [new[] { 2 }, new[] { 3 }], new double[] { 2, 1 }, new[] { 4 });

        Assert.Contains("'g'", Assert.Throws<ArgumentException>(() => group.WithOldPolicy(new double[3])).Message,
            StringComparison.Ordinal);
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => group.WithOldPolicy(new[] { -1, double.NaN })).Message,
            StringComparison.Ordinal);
        TokenGroup same = group.WithOldPolicy(new[] { -1.0, -2.0 });
        Assert.Equal([-1.0, -2.0], same.OldPolicyLogProbs.ToArray());
        Assert.Equal((group.Id, group.TokenCount, 2, true), (same.Id, same.TokenCount, same.CandidateCount, same.HasReference));
        Assert.True(group.OldPolicyLogProbs.IsEmpty);

        using var policy = new BigramPolicy();
        ReferenceLogProbs scored = ReferenceLogProbs.Score(policy, [group]);
        Assert.Throws<ArgumentException>(() => scored.AsOldPolicy([]));
        Assert.Throws<ArgumentException>(() => scored.AsOldPolicy([new TokenGroup("h", new[] { 1 }, [new[] { 2 }], new double[] { 1 })]));
    }

    /// <summary>The sum of the log ratios of all candidates: shows which numbers it got.</summary>
    private sealed class RatioLoss : IRankingLoss
    {
        /// <summary>Of the candidates of each group, in the order they were seen.</summary>
        public List<double[]> LogRatios { get; } = [];

        public LossNeeds Needs { get; } = new() { OldPolicy = true };

        public LossDescription Describe() => new(nameof(RatioLoss));

        public double Evaluate(in RankingBatch batch, Span<double> gradient)
        {
            gradient.Clear();
            double loss = 0;
            for (int b = 0; b < batch.GroupCount; b++)
            {
                var ratios = new List<double>();
                for (int r = batch.Offsets[b]; r < batch.Offsets[b] + batch.CandidateCounts[b]; r++)
                {
                    ratios.Add(batch.Values[r] - batch.OldPolicyLogProbs[r]);
                    loss += ratios[^1] / batch.GroupCount;
                    gradient[r] = 1.0 / batch.GroupCount;
                }

                if (batch.HasReference(b))
                    Assert.True(double.IsNaN(batch.OldPolicyLogProbs[batch.Offsets[b + 1] - 1]));
                LogRatios.Add([.. ratios]);
            }

            return loss;
        }
    }
}
