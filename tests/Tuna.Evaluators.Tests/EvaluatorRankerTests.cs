using Microsoft.Extensions.AI.Evaluation;
using Tuna.Ranking;

namespace Tuna.Evaluators.Tests;

public sealed class EvaluatorRankerTests
{
    private static readonly RankingRequest s_request =
        new("7", "Name a fish.", null, [new("A stone."), new("Tuna."), new("A very long answer.")], Reference: "Tuna.");

    [Theory]
    [InlineData(false, new[] { 2, 0, 1 })]
    [InlineData(true, new[] { 1, 0, 2 })]
    public async Task RankAsync_ByNumber_OrdersInItsDirection(bool lowerIsBetter, int[] order)
    {
        var ranker = new EvaluatorRanker(new OwnEvaluator(text => new NumericMetric("Own", text.Length)), "Own",
            new EvaluatorRankerOptions { LowerIsBetter = lowerIsBetter });
        RankingResult result = await ranker.RankAsync(s_request);
        Assert.Equal(order, result.Order);
        Assert.Equal(RankingUsage.None, result.Usage);
    }

    [Fact]
    public async Task RankAsync_ByFlag_PutsTrueAboveFalseAndTiesTheRest()
    {
        var ranker = new EvaluatorRanker(new OwnEvaluator(text => new BooleanMetric("Own", text == "Tuna.")), "Own");
        RankingResult result = await ranker.RankAsync(s_request);
        Assert.Equal([0.0, 1.0, 0.0], result.Scores);
        Assert.Equal([1, 0, 2], result.Order);
    }

    [Fact]
    public async Task RankAsync_ByRougeL_ComparesWithTheRowsReference()
    {
        RankingResult result = await new EvaluatorRanker(new RougeLEvaluator(), RougeLEvaluator.MetricName).RankAsync(s_request);
        Assert.Equal(1, result.Order[0]);
        Assert.Equal(1.0, result.Scores[1]);
    }

    [Fact]
    public async Task RankAsync_WithJudge_CountsItsCallsAndLeavesItOpen()
    {
        using var judge = new FakeJudge(messages => messages[0].Text);
        var ranker = new EvaluatorRanker(new OwnEvaluator(text => new NumericMetric("Own", text.Length), askJudge: true), "Own",
            new EvaluatorRankerOptions { Chat = new ChatConfiguration(judge) });
        RankingResult result = await ranker.RankAsync(s_request);
        Assert.Equal(new RankingUsage(3, 300, 30), result.Usage);
        Assert.False(judge.Disposed);
    }

    [Fact]
    public async Task RankAsync_WithFailingJudge_SaysWhatWasSpentAllTheSame()
    {
        using var judge = new FakeJudge(messages => messages[0].Text == "Tuna." ? throw new HttpRequestException("gone") : "4");
        var ranker = new EvaluatorRanker(new OwnEvaluator(text => new NumericMetric("Own", text.Length), askJudge: true), "Own",
            new EvaluatorRankerOptions { Chat = new ChatConfiguration(judge) });
        RankingException e = await Assert.ThrowsAsync<RankingException>(() => ranker.RankAsync(s_request));
        Assert.Equal(("7", RankingFailure.ServiceError, 1), (e.RowId, e.Reason, e.Usage.Calls));
    }

    [Fact]
    public async Task RankAsync_WithoutValue_NamesCandidateAndDiagnostic()
    {
        var ranker = new EvaluatorRanker(new RougeLEvaluator(), RougeLEvaluator.MetricName);
        RankingException e = await Assert.ThrowsAsync<RankingException>(() => ranker.RankAsync(s_request with { Reference = null }));
        Assert.Contains("candidate 0", e.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(ReferenceContext), e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public async Task RankAsync_WithValueThatIsNotFinite_Throws(double value)
    {
        var ranker = new EvaluatorRanker(new OwnEvaluator(_ => new NumericMetric("Own", value)), "Own");
        await Assert.ThrowsAsync<RankingException>(() => ranker.RankAsync(s_request));
    }

    [Fact]
    public async Task RankAsync_ByWords_IsRefused()
    {
        var ranker = new EvaluatorRanker(new OwnEvaluator(text => new StringMetric("Own", text)), "Own");
        RankingException e = await Assert.ThrowsAsync<RankingException>(() => ranker.RankAsync(s_request));
        Assert.Contains("StringMetric", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_WithUnknownMetric_NamesThoseThatThereAre()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new EvaluatorRanker(new RougeLEvaluator(), "BLEU"));
        Assert.Contains(RougeLEvaluator.MetricName, e.Message, StringComparison.Ordinal);
    }
}
