using FsCheck;
using FsCheck.Fluent;
using Tuna.Rankers.Probabilistic;
using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Probabilistic;

public class ProbabilisticRankerTests
{
    private static RankingRequest Row(params (double LogProb, int Tokens)[] candidates) =>
        new("row-1", "i", null, [.. candidates.Select((c, k) => new CandidateResponse($"r{k}", c.LogProb, c.Tokens))]);

    [Fact]
    public async Task RankAsync_HandWorkedCase_FollowsEquation3()
    {
        // beta = 1.3: 10^1.3 = 19.9526, 20^1.3 = 49.1291, 5^1.3 = 8.1033.
        RankingResult result = await new ProbabilisticRanker().RankAsync(Row((-12, 10), (-20, 20), (-9, 5)));

        Assert.Equal([1, 0, 2], result.Order);
        Assert.Equal(-12 / 19.952623149688797, result.Scores[0]!.Value, 1e-12);
        Assert.Equal(-20 / 49.129121044631624, result.Scores[1]!.Value, 1e-12);
        Assert.Equal(-9 / 8.103282983463814, result.Scores[2]!.Value, 1e-12);
        Assert.Equal(RankingUsage.None, result.Usage);
    }

    [Theory]
    [InlineData(0.0, new[] { 1, 0 })] // the sum favours the short response
    [InlineData(1.0, new[] { 0, 1 })] // here the means are -1 and -1.2
    [InlineData(1.3, new[] { 0, 1 })]
    public async Task RankAsync_Beta_TradesLengthAgainstProbability(double beta, int[] order) =>
        Assert.Equal(order, (await new ProbabilisticRanker(beta).RankAsync(Row((-20, 20), (-6, 5)))).Order);

    [Fact]
    public async Task RankAsync_EqualScores_KeepTheirOrder() =>
        Assert.Equal([1, 0, 2, 3], (await new ProbabilisticRanker().RankAsync(Row((-3, 2), (-1, 2), (-3, 2), (-3, 2)))).Order);

    [Fact]
    public async Task RankAsync_EqualMeansAndBetaAboveOne_FavoursTheLonger() =>
        Assert.Equal([1, 0], (await new ProbabilisticRanker().RankAsync(Row((-10, 10), (-20, 20)))).Order);

    [Theory]
    [InlineData(null, 3, "candidate 1 has no log-probability")]
    [InlineData(-1.0, null, "candidate 1 has no token count")]
    [InlineData(-1.0, 0, "candidate 1 has 0 tokens")]
    [InlineData(double.NaN, 3, "candidate 1 has the log-probability NaN")]
    [InlineData(double.NegativeInfinity, 3, "must be finite")]
    public async Task RankAsync_MissingOrBadNumbers_NamesTheCandidate(double? logProb, int? tokens, string problem)
    {
        var request = new RankingRequest("row-9", "i", null, [new("a", -1, 2), new("b", logProb, tokens)]);

        var e = await Assert.ThrowsAsync<RankingException>(() => new ProbabilisticRanker().RankAsync(request));

        Assert.Equal(RankingFailure.InvalidRequest, e.Reason);
        Assert.Contains("Row 'row-9'", e.Message, StringComparison.Ordinal);
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RankAsync_NoCandidates_IsRejected() =>
        Assert.Equal(RankingFailure.InvalidRequest,
            (await Assert.ThrowsAsync<RankingException>(() => new ProbabilisticRanker().RankAsync(Row()))).Reason);

    [Fact]
    public void Constructor_BetaNotFinite_IsRejected() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProbabilisticRanker(double.NaN));

    [Fact]
    public void RankAsync_AnyRow_OrderIsAPermutationByDecreasingScore() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Choose(1, 4000).Select(x => -x / 10.0).Zip(Gen.Choose(1, 300)).NonEmptyListOf().ToArbitrary(),
        candidates =>
        {
            RankingResult result = new ProbabilisticRanker().RankAsync(Row([.. candidates])).Result;
            Assert.Equal(Enumerable.Range(0, candidates.Count), result.Order.Order());
            for (int i = 1; i < result.Order.Count; i++)
                Assert.True(result.Scores[result.Order[i - 1]] >= result.Scores[result.Order[i]]);
        }));
}
