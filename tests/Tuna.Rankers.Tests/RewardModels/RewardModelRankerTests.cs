using Tuna.Policies;
using Tuna.Rankers.RewardModels;
using Tuna.Ranking;
using Tuna.Data.Groups;

namespace Tuna.Rankers.Tests.RewardModels;

public class RewardModelRankerTests
{
    [Fact]
    public async Task RankAsync_OrdersByReward_WhateverTheLength()
    {
        using var model = new FixedRewards(-3, 7, 0.5);
        using var ranker = new RewardModelRanker(model, ByteTokenizer.Instance);

        RankingResult result = await ranker.RankAsync(new RankingRequest("a", "Hi", null, [new("a long response"), new("x"), new("yy")]));

        Assert.Equal([1, 2, 0], result.Order);
        Assert.Equal([-3, 7, 0.5], result.Scores.Select(s => s!.Value));
        Assert.Equal(RankingUsage.None, result.Usage);
    }

    [Fact]
    public async Task RankAsync_RewardIsNaN_NamesRowAndCandidate()
    {
        using var model = new FixedRewards(1, double.NaN);
        using var ranker = new RewardModelRanker(model, ByteTokenizer.Instance);

        var e = await Assert.ThrowsAsync<RankingException>(() =>
            ranker.RankAsync(new RankingRequest("row 9", "Hi", null, [new("x"), new("y")])));

        Assert.Contains("row 9", e.Message, StringComparison.Ordinal);
        Assert.Contains("candidate 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_TokenizerOfAnotherModel_Throws()
    {
        using var model = new FixedRewards(1) { Info = new(100, 64, 8, 1, 1) };

        Assert.Throws<ArgumentException>(() => new RewardModelRanker(model, ByteTokenizer.Instance));
    }

    private sealed class FixedRewards(params double[] rewards) : IResponseScorer
    {
        public PolicyInfo Info { get; init; } = new(259, 1024, 8, 1, 1);

        public void Score(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken = default) =>
            rewards.CopyTo(values);

        public void Dispose()
        {
        }
    }
}
