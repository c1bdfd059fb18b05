using Tuna.Rankers.Aggregation;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Aggregation;

public class PermutationRankerTests
{
    [Fact]
    public async Task RankAsync_ConsistentJudge_StopsAfterTwoAndMapsBack()
    {
        var judge = FunctionRanker.ByNumber();

        RankingResult result = await new PermutationRanker(judge).RankAsync(Rows.Row("3", "9", "1", "5"));

        Assert.Equal([1, 3, 0, 2], result.Order);
        Assert.Equal(2, judge.Requests.Count);
        Assert.Equal(1, result.Consistency!.Value, 1e-9);
        Assert.Equal(new RankingUsage(2, 20, 10), result.Usage);
        Assert.Null(judge.Requests[0].PresentedOrder); // the first judgment is the plain mode's own
        Assert.Equal(judge.Requests[1].Candidates.Select(c => c.Text),
            judge.Requests[1].PresentedOrder!.Select(k => Rows.Row("3", "9", "1", "5").Candidates[k].Text));
        Assert.Equal(1, result.PairSupport![1][3]);
        Assert.Equal(0, result.PairSupport[3][1]);
    }

    // A judge that only looks at the place: every candidate is at every place once, so nothing can be learned, and that is what comes out.
    [Fact]
    public async Task RankAsync_JudgeThatFavoursPlaces_CancelsOut()
    {
        var judge = new FunctionRanker(r => RankedScores.ToResult([.. Enumerable.Range(0, r.Candidates.Count).Select(k => -(double)k)]));

        RankingResult result = await new PermutationRanker(judge).RankAsync(Rows.Row("a", "b", "c", "d"));

        Assert.Equal(4, judge.Requests.Count);
        Assert.All(result.Scores, s => Assert.Equal(0.5, s!.Value, 1e-12)); // all tied: losses skip them
        Assert.Equal(0, result.Consistency!.Value, 1e-9);
    }

    [Fact]
    public async Task RankAsync_MixedJudge_AveragesTheBiasOut()
    {
        // Quality differs by 1 from one to the next, the place is worth up to 3: a single judgment is often wrong, the square never.
        var judge = new FunctionRanker(r =>
            RankedScores.ToResult([.. r.Candidates.Select((c, place) =>
            double.Parse(c.Text, System.Globalization.CultureInfo.InvariantCulture) - (1.5 * place))]));

        RankingResult single = await judge.RankAsync(Rows.Row("1", "2", "3", "4"));
        RankingResult result = await new PermutationRanker(judge, new PermutationOptions { StopAtConsistency = 2 })
            .RankAsync(Rows.Row("1", "2", "3", "4"));

        Assert.NotEqual([3, 2, 1, 0], single.Order);
        Assert.Equal([3, 2, 1, 0], result.Order);
        Assert.InRange(result.Consistency!.Value, 0.01, 0.99);
    }

    [Fact]
    public async Task RankAsync_OneJudgmentFails_TheOthersCount()
    {
        int calls = 0;
        var judge = new FunctionRanker(r => Interlocked.Increment(ref calls) == 1
            ? throw new RankingException(r.Id, RankingFailure.UnreadableReply, "scripted.", new RankingUsage(3, 30, 15))
            : RankedScores.ToResult([.. r.Candidates.Select(c => (double)c.Text[0])]) with { Usage = new(1, 10, 5) });

        RankingResult result = await new PermutationRanker(judge).RankAsync(Rows.Row("a", "b", "c"));

        Assert.Equal([2, 1, 0], result.Order);
        Assert.Equal(5, result.Usage.Calls);
    }

    [Fact]
    public async Task RankAsync_TooFewSucceed_SaysWhyAndWhatItCost()
    {
        var e = await Assert.ThrowsAsync<RankingException>(() =>
            new PermutationRanker(FunctionRanker.Failing(RankingFailure.UnreadableReply)).RankAsync(Rows.Four()));

        Assert.Equal(RankingFailure.UnreadableReply, e.Reason);
        Assert.Equal(4, e.Usage.Calls);
        Assert.Equal(1, e.Message.Split("row-1").Length - 1);
    }

    [Theory]
    [InlineData(RankingFailure.BudgetExhausted)]
    [InlineData(RankingFailure.Stopped)]
    [InlineData(RankingFailure.Refused)]
    [InlineData(RankingFailure.InvalidRequest)]
    public async Task RankAsync_FailureThatAnotherOrderCannotMend_EndsTheRow(RankingFailure reason)
    {
        var judge = FunctionRanker.Failing(reason);

        var e = await Assert.ThrowsAsync<RankingException>(() => new PermutationRanker(judge).RankAsync(Rows.Four()));

        Assert.Equal(reason, e.Reason);
        Assert.Single(judge.Requests);
    }

    [Fact]
    public async Task RankAsync_DuplicateDroppedByMost_StaysDropped()
    {
        // Whichever twin of "x" is shown last is dropped; with three of four orders dropping candidate 3 or 1 in turn, majorities decide.
        var judge = new FunctionRanker(r => new RankingResult
        {
            Scores = [.. r.Candidates.Select(c => c.Text == "drop" ? (double?)null : c.Text[0])],
            Order = [.. Enumerable.Range(0, r.Candidates.Count).Where(k => r.Candidates[k].Text != "drop")
                .OrderByDescending(k => r.Candidates[k].Text[0])],
        });

        RankingResult result = await new PermutationRanker(judge).RankAsync(Rows.Row("a", "drop", "c"));

        Assert.Equal([2, 0], result.Order);
        Assert.Null(result.Scores[1]);
        Assert.True(double.IsNaN(result.PairSupport![0][1]));
    }

    [Fact]
    public async Task ConsistencyFilter_RejectsRowsAndTiesUncertainPairs()
    {
        int calls = 0;
        var judge = new FunctionRanker(r =>
        {
            bool swapped = Interlocked.Increment(ref calls) % 2 == 0;
            return RankedScores.ToResult([.. r.Candidates.Select(c => c.Text switch { "best" => 3.0, "x" => swapped ? 1 : 2, _ => 1.5 })]);
        });
        var permuted = new PermutationRanker(judge, new PermutationOptions { MaxOrders = 2 });

        RankingResult tied = await new ConsistencyFilter(permuted, minPairSupport: 0.75).RankAsync(Rows.Row("x", "best", "y"));
        var e = await Assert.ThrowsAsync<RankingException>(() => new ConsistencyFilter(permuted, minConsistency: 0.95)
            .RankAsync(Rows.Row("x", "best", "y")));

        Assert.Equal(1, tied.Order[0]);
        Assert.Equal(tied.Scores[0], tied.Scores[2]);
        Assert.True(tied.Scores[1] > tied.Scores[0]);
        Assert.Equal(RankingFailure.Inconsistent, e.Reason);
    }

    [Fact]
    public async Task EnsembleRanker_CombinesAndToleratesAFailure()
    {
        var a = FunctionRanker.ByNumber();
        var b = new FunctionRanker(r => RankedScores.ToResult([.. r.Candidates.Select(c => -(double)c.Text[0])]));
        var broken = FunctionRanker.Failing(RankingFailure.ServiceError);

        RankingResult result = await new EnsembleRanker([a, a, b, broken], minSuccesses: 3).RankAsync(Rows.Row("1", "2", "3"));
        var e = await Assert.ThrowsAsync<RankingException>(() => new EnsembleRanker([a, broken]).RankAsync(Rows.Row("1", "2", "3")));

        Assert.Equal([2, 1, 0], result.Order);
        Assert.Equal(3, result.Usage.Calls);
        Assert.Equal(1.0 / 9, result.Consistency!.Value, 1e-9);
        Assert.Equal(RankingFailure.ServiceError, e.Reason);
    }
}
