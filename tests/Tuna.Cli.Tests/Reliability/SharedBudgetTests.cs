using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Reliability;

/// <summary>Several processes share one budget by its ledger, and some are killed.</summary>
public sealed class SharedBudgetTests : IDisposable
{
    private const int Billed = 700; // tokens of each of the judge's answers
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Shards_OneKilledInTheMiddleOfACall_CountItAsSpentAndMergeToTheBytesOfOneRun()
    {
        _work.WithRanked(9, scores: false);
        int held = 0;
        // The first call about row 0 is never answered: whoever made it is killed while it waits.
        using var judge = new LoopbackJudge((_, body) => body.Contains("number 0.", StringComparison.Ordinal)
            && Interlocked.Exchange(ref held, 1) == 0 ? new("", Delay: TimeSpan.FromHours(1)) : Answer());
        using (TunaProcess killed = Start(judge, "0/3", "100000", parallel: 1))
            Assert.True(await killed.KillWhenAsync(() => Volatile.Read(ref held) != 0));

        TunaRun[] runs = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Start(judge, $"{i}/3", "100000").EndAsync(minutes: 10)));
        Assert.All(runs, run => run.Expect(0));
        (await TunaProcess.RunAsync(_work.Root, "merge", "--out", "out.jsonl")).Expect(0);

        JsonNode[] ledger = _work.Rows("out.jsonl.budget.jsonl");
        JsonNode lost = Assert.Single(ledger, line => line["lost"] is not null);
        JsonNode claim = ledger.Single(line => line["claim"]?.GetValue<long>() == lost["lost"]!.GetValue<long>());
        Assert.True(claim["tokens"]!.GetValue<long>() >= Billed, "What is set aside covers what the call costs.");
        Assert.Equal(9, ledger.Count(line => line["settle"] is not null));
        Assert.Equal(9 * Billed, ledger.Where(line => line["settle"] is not null)
            .Sum(line => line["input"]!.GetValue<long>() + line["output"]!.GetValue<long>()));
        Assert.Empty(Directory.GetFiles(_work.Root, "*.budget.jsonl*.lock"));

        (await TunaProcess.RunAsync(_work.Root, judge.Environment, "rank", "--data", "ranked.jsonl", "--judge", "openai:loopback", "--out",
            "one.jsonl", "-q")).Expect(0);
        Assert.Equal(_work.Text("one.jsonl"), _work.Text("out.jsonl"));
    }

    [Fact]
    public async Task Shards_WithABudgetTooSmallForAll_StayWithinItTogether_WhoeverIsKilled()
    {
        const int Budget = 14_000;
        _work.WithRanked(30, scores: false);
        using var judge = new LoopbackJudge((_, _) => Answer());
        using (TunaProcess killed = Start(judge, "0/3", $"{Budget}"))
        {
            Task<bool> kill = killed.KillWhenAsync(() => judge.Calls >= 2);
            await Task.WhenAll(kill, Start(judge, "1/3", $"{Budget}").EndAsync(minutes: 10));
        }

        TunaRun[] runs = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Start(judge, $"{i}/3", $"{Budget}").EndAsync(minutes: 10)));
        Assert.All(runs, run => Assert.Contains(run.ExitCode, new[] { 0, 4 }));
        Assert.Contains(runs, run => run.ExitCode == 4 && run.Error.Contains("several runs share", StringComparison.Ordinal));
        Assert.InRange(judge.Calls, 2, Budget / Billed);

        // A larger budget for all of them goes on from there.
        runs = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Start(judge, $"{i}/3", "200000").EndAsync(minutes: 10)));
        Assert.All(runs, run => run.Expect(0));
        (await TunaProcess.RunAsync(_work.Root, "merge", "--out", "out.jsonl")).Expect(0);
        Assert.Equal(30, _work.Lines("out.jsonl").Length);
    }

    [Fact]
    public async Task BudgetLedger_WithoutABudget_IsAUsageError() =>
        Assert.Contains("--budget-tokens", (await TunaApp.RunAsync("rank", "--data", "x", "--judge", "openai:m", "--out", "y",
            "--budget-ledger", "z")).Expect(2).Error, StringComparison.Ordinal);

    private static JudgeReply Answer() => new(LoopbackJudge.Ranking([0, 1, 2, 3]), OutputTokens: Billed - 100);

    private TunaProcess Start(LoopbackJudge judge, string shard, string budget, int parallel = 2) => TunaProcess.Start(
        _work.Root, judge.Environment,
        "rank", "--data", "ranked.jsonl", "--judge", "openai:loopback", "--out", "out.jsonl", "--shard", shard, "--budget-tokens", budget,
        "--parallel", $"{parallel}", "--retries", "0");
}
