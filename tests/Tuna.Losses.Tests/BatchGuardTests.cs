namespace Tuna.Losses.Tests;

/// <summary>Malformed batches, seen through a loss.</summary>
public class BatchGuardTests
{
    [Fact]
    public void Check_NoGroups_Throws() => Fails("no groups", offsets: [0], counts: [], logProbs: [], lengths: [], scores: []);

    [Theory]
    [InlineData(new[] { 0, 2 }, "Offsets has 2 entries")]
    [InlineData(new[] { 0, 2, 3 }, "from 0 to 3")]
    [InlineData(new[] { 1, 2, 4 }, "from 1 to 4")]
    [InlineData(new[] { 0, 1, 4 }, "Group 0: 1 rows for 2 candidates")]
    [InlineData(new[] { 0, 4, 4 }, "Group 0: 4 rows for 2 candidates")]
    public void Check_OffsetsThatDoNotFit_SaysWhich(int[] offsets, string expected) => Fails(expected, offsets: offsets);

    [Fact]
    public void Check_NegativeCandidateCount_NamesTheGroup() => Fails("Group 1: 2 rows for -1 candidates", counts: [2, -1]);

    [Fact]
    public void Check_SpansOfOtherLengths_SaysWhich()
    {
        Fails("Lengths has 3", lengths: [1, 1, 1]);
        Fails("Scores has 5", scores: [2, 1, 2, 1, 0]);
        Fails("The gradient has 3", gradient: 3);
    }

    [Fact]
    public void Check_EmptyResponse_NamesGroupAndResponse() => Fails("Group 1: response 1 has 0 tokens", lengths: [1, 1, 1, 0]);

    [Fact]
    public void Check_NaNScore_NamesGroupAndCandidate() => Fails("Group 1: the score of candidate 0 is NaN", scores: [2, 1, double.NaN, 1]);

    [Fact]
    public void Check_UnsortedScores_NamesGroupAndCandidate() => Fails("Group 1: candidate 1 scores higher", scores: [2, 1, 1, 2]);

    [Fact]
    public void Check_SettingsOfEveryLoss_AreValidated()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DpoLoss(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DpoLoss(pairs: (PairSelection)9));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IpoLoss(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RsoHingeLoss(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SimPoLoss(2, -0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new OrpoLoss(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SlicHfLoss(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProLoss(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ListMleLoss.OnLogRatios(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LipoLambdaLoss(double.PositiveInfinity));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MaximumLikelihoodLoss((MaximumLikelihoodTarget)3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MarginRankingLoss(reduction: (MarginReduction)2));
    }

    private static void Fails(string expected, int[]? offsets = null, int[]? counts = null, double[]? logProbs = null,
        int[]? lengths = null, double[]? scores = null, int gradient = -1)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() =>
        {
            var batch = new RankingBatch
            {
                Offsets = offsets ?? [0, 2, 4],
                CandidateCounts = counts ?? [2, 2],
                Values = logProbs ?? [-1, -2, -3, -4],
                Lengths = lengths ?? [1, 1, 1, 1],
                Scores = scores ?? [2, 1, 2, 1],
            };
            new SimPoLoss().Evaluate(batch, new double[gradient < 0 ? batch.ResponseCount : gradient]);
        });
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
