using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Limits;
using Tuna.Rankers.Batch;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Batch;

public class RankingRunnerTests
{
    private static async IAsyncEnumerable<RankingRequest> Rows(int count)
    {
        await Task.Yield();
        for (int i = 0; i < count; i++)
            yield return new RankingRequest($"{i}", "i", null, [new("1"), new("2")]);
    }

    private static async Task<List<RankingOutcome>> Collect(RankingRunner runner, int count, IProgress<RankingProgress>? progress = null)
    {
        var outcomes = new List<RankingOutcome>();
        await foreach (RankingOutcome outcome in runner.RunAsync(Rows(count), progress))
            outcomes.Add(outcome);
        return outcomes;
    }

    [Fact]
    public async Task RunAsync_InOrder_ComesInOrderWhateverFinishesFirst()
    {
        var ranker = new DelayedRanker(id => id % 7 == 0 ? 20 : 0);

        List<RankingOutcome> outcomes = await Collect(new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 8 }), 100);

        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), outcomes.Select(o => o.Index));
        Assert.All(outcomes, o => Assert.Equal($"{o.Index}", o.Request.Id));
        Assert.InRange(ranker.MostAtOnce, 2, 8);
    }

    [Fact]
    public async Task RunAsync_AsCompleted_DoesNotWaitForTheSlow()
    {
        List<RankingOutcome> outcomes =
            await Collect(new RankingRunner(new DelayedRanker(id => id == 0 ? 300 : 0),
            new RankingRunnerOptions { MaxParallelRows = 4, InOrder = false }), 40);

        Assert.Equal(40, outcomes.Count);
        Assert.NotEqual(0, outcomes[0].Index);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => (long)i), outcomes.Select(o => o.Index).Order());
    }

    [Fact]
    public async Task RunAsync_FailuresAndDefects_AreNamedAndTheRestGoesOn()
    {
        var ranker = new FunctionRanker(r => int.Parse(r.Id, System.Globalization.CultureInfo.InvariantCulture) switch
        {
            3 => throw new RankingException(r.Id, RankingFailure.Refused, "no."),
            5 => throw new InvalidOperationException("a defect"),
            6 => throw new TaskCanceledException("its own timeout"),
            _ => RankedScores.ToResult([1, 2]),
        });

        List<RankingOutcome> outcomes = await Collect(new RankingRunner(ranker), 10);

        Assert.Equal(10, outcomes.Count);
        Assert.Equal(RankingFailure.Refused, outcomes[3].Failure!.Reason);
        Assert.Equal(RankingFailure.Unexpected, outcomes[5].Failure!.Reason);
        Assert.IsType<InvalidOperationException>(outcomes[5].Failure!.InnerException);
        Assert.Equal(RankingFailure.Unexpected, outcomes[6].Failure!.Reason);
        Assert.Equal(7, outcomes.Count(o => o.Result is not null));
    }

    [Fact]
    public async Task RunAsync_NoCallCanSucceed_TheRestIsNamedWithoutTrying()
    {
        var ranker = new FunctionRanker(r => r.Id == "5"
            ? throw new RankingException(r.Id, RankingFailure.Stopped, "the key is wrong.") : RankedScores.ToResult([1, 2]));

        List<RankingOutcome> outcomes = await Collect(new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 1 }), 50);

        Assert.Equal(50, outcomes.Count);
        Assert.Equal(6, ranker.Requests.Count);
        Assert.All(outcomes.Skip(6), o => Assert.Equal(RankingFailure.Stopped, o.Failure!.Reason));
        Assert.Contains("the key is wrong", outcomes[49].Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_BudgetSpent_LaterRowsAreStillTried()
    {
        // The journal may know them; only the ranker can tell.
        var ranker = new FunctionRanker(r => r.Id == "9"
            ? RankedScores.ToResult([1, 2]) : throw new RankingException(r.Id, RankingFailure.BudgetExhausted, "spent."));

        List<RankingOutcome> outcomes = await Collect(new RankingRunner(ranker), 10);

        Assert.NotNull(outcomes[9].Result);
        Assert.All(outcomes.Take(9), o => Assert.Equal(RankingFailure.BudgetExhausted, o.Failure!.Reason));
    }

    [Theory]
    [InlineData(3, 3)] // down for good: three rows are tried
    [InlineData(null, 20)]
    [InlineData(21, 20)]
    public async Task RunAsync_TheServiceIsDown_StopsAfterSoManyRows(int? most, int tried)
    {
        int calls = 0;
        var ranker = new FunctionRanker(r =>
        {
            calls++;
            throw new RankingException(r.Id, RankingFailure.ServiceError, "the connection failed.");
        });

        List<RankingOutcome> outcomes =
            await Collect(new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 1, MaxServiceErrorsInARow = most }), 20);

        Assert.Equal((tried, 20), (calls, outcomes.Count(o => o.Failure is not null)));
        Assert.Equal(most == 3, outcomes.Exists(o => o.Failure!.Reason == RankingFailure.Stopped
            && o.Failure.Message.Contains("3 rows in a row", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task RunAsync_TheServiceFailsNowAndThen_GoesOn()
    {
        var ranker = new FunctionRanker(r => int.Parse(r.Id, System.Globalization.CultureInfo.InvariantCulture) % 3 == 2
            ? RankedScores.ToResult([1, 2])
            : throw new RankingException(r.Id, RankingFailure.ServiceError, "the connection failed."));

        List<RankingOutcome> outcomes =
            await Collect(new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 1, MaxServiceErrorsInARow = 3 }), 30);

        Assert.Equal(10, outcomes.Count(o => o.Result is not null));
    }

    [Fact]
    public async Task RunAsync_ARowFailsWhileTheRunIsCancelled_IsStillACancellation()
    {
        using var stop = new CancellationTokenSource();
        var ranker = new FunctionRanker(_ =>
        {
            stop.Cancel();
            throw new HttpRequestException("cut off");
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (RankingOutcome _ in new RankingRunner(ranker).RunAsync(Rows(3), cancellationToken: stop.Token))
            {
            }
        });
    }

    [Fact]
    public async Task RunAsync_Cancelled_ThrowsAfterTheRowsUnderWayEnded()
    {
        using var stop = new CancellationTokenSource();
        var ranker = new DelayedRanker(_ => 5);
        int seen = 0;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (RankingOutcome _ in new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 4 })
                .RunAsync(Rows(1000), cancellationToken: stop.Token))
            {
                if (++seen == 10)
                    await stop.CancelAsync();
            }
        });

        Assert.InRange(seen, 10, 40);
        Assert.Equal(0, ranker.Now);
    }

    [Fact]
    public async Task RunAsync_ReaderLeaves_NothingRunsOn()
    {
        var ranker = new DelayedRanker(_ => 5);
        await foreach (RankingOutcome _ in new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 4 }).RunAsync(Rows(1000)))
            break;

        Assert.Equal(0, ranker.Now);
    }

    [Fact]
    public async Task RunAsync_SourceFails_AfterTheOutcomesBeforeIt()
    {
        static async IAsyncEnumerable<RankingRequest> Broken()
        {
            await foreach (RankingRequest row in Rows(3))
                yield return row;
            throw new InvalidDataException("line 4");
        }

        var outcomes = new List<RankingOutcome>();
        var e = await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (RankingOutcome outcome in new RankingRunner(FunctionRanker.ByNumber()).RunAsync(Broken()))
                outcomes.Add(outcome);
        });

        Assert.Equal("line 4", e.Message);
        Assert.Equal(3, outcomes.Count);
    }

    [Fact]
    public async Task RunAsync_Progress_TellsCostsFailuresAndTime()
    {
        var reports = new List<RankingProgress>();
        var ranker = new FunctionRanker(r => r.Id == "7"
            ? throw new RankingException(r.Id, RankingFailure.Refused, "no.", new RankingUsage(1, 10, 5, 0.5m))
            : RankedScores.ToResult([1, 2]) with { Usage = new RankingUsage(1, 10, 5, 0.5m) });
        var options = new RankingRunnerOptions { TotalRows = 40, ProgressInterval = TimeSpan.Zero };

        await Collect(new RankingRunner(ranker, options), 20, new Collecting(reports));

        RankingProgress last = reports[^1];
        Assert.Equal((20, 1, 40), (last.Done, last.Failed, last.Total!.Value));
        Assert.Equal(new RankingUsage(20, 200, 100, 10m), last.Usage);
        Assert.Equal(20m, last.ProjectedCost!.Value, 6);
        Assert.Equal(last.Elapsed.TotalSeconds, last.Remaining!.Value.TotalSeconds, 0.5);
        Assert.Equal(1, last.Failures[RankingFailure.Refused]);
        Assert.Equal(reports.Select(r => r.Done).Order(), reports.Select(r => r.Done));
    }

    [Fact]
    public async Task RunAsync_WithABudget_ProgressShowsWhatWasReallySpent()
    {
        var reports = new List<RankingProgress>();
        var budget = new CallBudget(alreadySpent: new CallUsage(3, 30, 30));
        using var service = new ScriptedChatClient((_, _, _) => ScriptedChatClient.Reply("fine", input: 10, output: 5));
        using IChatClient client = service.AsBuilder().UseBudget(budget).Build();
        var ranker = new FunctionRanker(_ =>
        {
            for (int i = 0; i < 2; i++)
                client.GetResponseAsync("a call that the result does not name").Wait();
            return RankedScores.ToResult([1, 2]);
        });

        await Collect(new RankingRunner(ranker, new RankingRunnerOptions { Budget = budget }), 5, new Collecting(reports));

        Assert.Equal(new RankingUsage(10, 100, 50), reports[^1].Usage);
    }

    private sealed class Collecting(List<RankingProgress> reports) : IProgress<RankingProgress>
    {
        public void Report(RankingProgress value) => reports.Add(value);
    }

    private sealed class DelayedRanker(Func<int, int> milliseconds) : IResponseRanker
    {
        private readonly Lock _lock = new();
        private int _now;

        public int Now => Volatile.Read(ref _now);

        public int MostAtOnce { get; private set; }

        public async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
        {
            int now = Interlocked.Increment(ref _now);
            lock (_lock)
                MostAtOnce = Math.Max(MostAtOnce, now);
            try
            {
                int delay = milliseconds(int.Parse(request.Id, System.Globalization.CultureInfo.InvariantCulture));
                if (delay > 0)
                    await Task.Delay(delay, cancellationToken);
                return RankedScores.ToResult([1, 2]);
            }
            finally
            {
                Interlocked.Decrement(ref _now);
            }
        }
    }
}
