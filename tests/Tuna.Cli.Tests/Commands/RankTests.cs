using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class RankTests
{
    private static readonly string[] Rank =
        ["rank", "--data", "ranked.jsonl", "--judge", "openai:loopback", "--out", "out.jsonl", "--retry-delay", "0.01"];

    [Fact]
    public async Task Rank_ByAService_WritesScoresCostAndTheCalls()
    {
        using Workspace work = new Workspace().WithRanked(5, scores: false);
        using LoopbackJudge judge = LoopbackJudge.InOrder();

        JsonElement result = (await TunaProcess.RunAsync(work.Root, judge.Environment,
            [.. Rank, "--price-input", "10", "--price-output", "100", "--json"])).Expect(0).Json;

        Assert.Equal((5, 5), (result.GetProperty("rows").GetInt32(), result.GetProperty("calls").GetInt32()));
        Assert.Equal(5 * (100 * 10 + 20 * 100) / 1e6, result.GetProperty("cost").GetDouble(), 9);
        Assert.All(work.Rows("out.jsonl"), r => Assert.Equal([14.0, 13, 12, 11], r["score"]!.AsArray().Select(s => s!.GetValue<double>())));
        Assert.Equal(5, work.Lines("out.jsonl.calls.jsonl").Length);
        foreach (string file in Directory.EnumerateFiles(work.Root))
            Assert.DoesNotContain("test-key-of-the-loopback-judge", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rank_KilledInTheMiddle_GoesOnAndPaysForNoReplyTwice()
    {
        const int rows = 120, parallel = 2;
        using Workspace work = new Workspace().WithRanked(rows, scores: false);
        using LoopbackJudge judge = LoopbackJudge.InOrder(TimeSpan.FromMilliseconds(20));
        string[] line = [.. Rank, "--parallel", $"{parallel}", "-q", "--json"];
        using TunaProcess first = TunaProcess.Start(work.Root, judge.Environment, line);
        Assert.True(await first.KillWhenAsync(() => SamplingTests.LineCount(work["out.jsonl.journal"]) >= 5));
        Assert.False(File.Exists(work["out.jsonl"]));
        int known = SamplingTests.LineCount(work["out.jsonl.calls.jsonl"]);

        JsonElement result = (await TunaProcess.RunAsync(work.Root, judge.Environment, line)).Expect(0).Json;

        Assert.Equal(rows, result.GetProperty("rows").GetInt32());
        Assert.Equal(rows - known, result.GetProperty("calls").GetInt32()); // every reply that had arrived was used
        Assert.InRange(judge.Calls, rows, rows + parallel); // at most those under way when the process died
        Assert.Equal(Enumerable.Range(0, rows).Select(i => $"r{i}"), work.Rows("out.jsonl").Select(r => r["id"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Rank_SomeRepliesAreGarbage_NamesTheRows_AndTheNextRunTriesOnlyThose()
    {
        using Workspace work = new Workspace().WithRanked(4, scores: false);
        bool mended = false;
        using var judge = new LoopbackJudge((_, body) =>
            new(!mended && body.Contains("number 2.", StringComparison.Ordinal)
            ? "I would rather not." : LoopbackJudge.Ranking([3, 2, 1, 0])));

        TunaRun first = (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--reasks", "1"])).Expect(3);
        Assert.Contains("1 rows could not be ranked", first.Output, StringComparison.Ordinal);
        Assert.Equal("r2", Assert.Single(work.Rows("out.jsonl.failed.jsonl"))["id"]!.GetValue<string>());
        Assert.Equal(3, work.Lines("out.jsonl").Length);
        int calls = judge.Calls;

        mended = true;
        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--reasks", "2"])).Expect(0);

        Assert.Equal(4, work.Lines("out.jsonl").Length);
        Assert.False(File.Exists(work["out.jsonl.failed.jsonl"]));
        Assert.Equal(calls + 1, judge.Calls);
    }

    [Fact]
    public async Task Rank_TheServiceIsOverloaded_IsAskedAgain()
    {
        using Workspace work = new Workspace().WithRanked(3, scores: false);
        using var judge = new LoopbackJudge((call, _) => call % 2 == 0
            ? new("rate_limit_exceeded", 429) : new(LoopbackJudge.Ranking([0, 1, 2, 3])));

        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--parallel", "1"])).Expect(0);

        Assert.Equal((6, 3), (judge.Calls, work.Lines("out.jsonl").Length));
    }

    [Fact]
    public async Task Rank_WrongKey_StopsAtOnceWithCode5_AndKeepsWhatWasPaid()
    {
        using Workspace work = new Workspace().WithRanked(6, scores: false);
        using var judge = new LoopbackJudge((call, _) => call < 2 ? new(LoopbackJudge.Ranking([0, 1, 2, 3])) : new("invalid_api_key", 401));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--parallel", "1"])).Expect(5);

        Assert.Contains("same command again", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(work["out.jsonl"])); // a part must not look like the whole
        Assert.Equal(2, work.Lines("out.jsonl.calls.jsonl").Length);
        Assert.Equal(3, judge.Calls);
    }

    [Fact]
    public async Task Rank_BudgetSpent_Exits4_AndALargerBudgetGoesOn()
    {
        using Workspace work = new Workspace().WithRanked(6, scores: false);
        using var judge = new LoopbackJudge((_, _) => new(LoopbackJudge.Ranking([0, 1, 2, 3]), OutputTokens: 2000));
        string[] line = [.. Rank, "--parallel", "1"];

        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. line, "--budget-tokens", "8000"])).Expect(4);
        Assert.InRange(judge.Calls, 1, 3); // 2100 tokens each
        Assert.False(File.Exists(work["out.jsonl"]));
        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. line, "--budget-tokens", "100000"])).Expect(0);

        Assert.Equal(6, judge.Calls);
        Assert.Equal(6, work.Lines("out.jsonl").Length);
    }

    [Fact]
    public async Task Rank_InSeveralOrders_KeepsConsistency_AndNamesRowsWhereTheJudgeContradictsItself()
    {
        using Workspace work = new Workspace().WithRanked(2, scores: false);
        // On row 0 the judge knows what it wants; on row 1 it likes whatever comes first.
        using var judge = new LoopbackJudge((_, body) => new(LoopbackJudge.Ranking(body.Contains("number 1.", StringComparison.Ordinal)
            ? [0, 1, 2, 3]
            : [.. Enumerable.Range(0, 4).OrderBy(k => Wish(body, k))])));

        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--orders", "4", "--min-consistency", "0.9"])).Expect(3);

        JsonNode row = Assert.Single(work.Rows("out.jsonl"));
        Assert.Equal("r0", row["id"]!.GetValue<string>());
        Assert.Equal(1, row["consistency"]!.GetValue<double>());
        Assert.Equal("r1", Assert.Single(work.Rows("out.jsonl.failed.jsonl"))["id"]!.GetValue<string>());

        // The place of candidate k among the row's own ones, whatever order it is shown in.
        static int Wish(string body, int k)
        {
            int from = body.IndexOf($"###Response {k}:", StringComparison.Ordinal);
            int to = body.IndexOf($"###Response {k + 1}", from, StringComparison.Ordinal);
            string text = body[from..(to < 0 ? body.Length : to)];
            return Array.FindIndex((string[])["0!", "No.", "I say 0.", "What?"], own => text.Contains(own, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Rank_TheServiceIsDown_Exits5_AndABudgetWithoutPricesIsAUsageError()
    {
        using Workspace work = new Workspace().WithRanked(3, scores: false);
        string[] line = ["rank", "--data", "ranked.jsonl", "--judge", "openai:m", "--out", "r.jsonl", "--base-url",
            "http://127.0.0.1:9/v1"];

        TunaRun down = (await TunaProcess.RunAsync(work.Root, [.. line, "--retries", "0"])).Expect(5);
        TunaRun budget = (await TunaProcess.RunAsync(work.Root, [.. line, "--budget", "1"])).Expect(2);

        Assert.Contains("answered none of 3 rows", down.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(work["r.jsonl"])); // nobody takes nothing for the whole
        Assert.Contains("--price-input", budget.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rank_NoKey_Exits5AndNamesTheVariable()
    {
        using Workspace work = new Workspace().WithRanked(1, scores: false);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, Rank)).Expect(5);

        Assert.Contains("OPENAI_API_KEY", run.Error, StringComparison.Ordinal);
        // Nothing was made, so the output is free for another judge.
        (await TunaProcess.RunAsync(work.Root, "rank", "--data", "ranked.jsonl", "--judge", "probabilistic", "--out", "out.jsonl", "-q"))
            .Expect(0);
    }

    [Theory]
    [InlineData("1.3")]
    [InlineData("0")]
    public async Task Rank_Probabilistic_FollowsEquation3(string beta)
    {
        using Workspace work = new Workspace().WithRanked(1, scores: false);
        (await TunaProcess.RunAsync(work.Root, "rank", "--data", "ranked.jsonl", "--judge", "probabilistic", "--beta", beta, "--out",
            "p.jsonl", "-q")).Expect(0);

        double[] scores = [.. work.Rows("p.jsonl")[0]["score"]!.AsArray().Select(s => s!.GetValue<double>())];

        double b = double.Parse(beta, System.Globalization.CultureInfo.InvariantCulture);
        double[] expected = [-3 / Math.Pow(3, b), -5 / Math.Pow(4, b), -8 / Math.Pow(8, b), -20 / Math.Pow(6, b)];
        for (int k = 0; k < 4; k++)
            Assert.Equal(expected[k], scores[k], 12);
    }

    [Fact]
    public async Task Rank_ByALocalPolicy_AndUnknownJudge()
    {
        using Workspace work = await new Workspace().WithRanked(2, scores: false).WithModelAsync();

        (await TunaProcess.RunAsync(work.Root, "rank", "--data", "ranked.jsonl", "--judge", "policy:model", "--out", "p.jsonl", "-q"))
            .Expect(0);
        TunaRun unknown = (await TunaProcess.RunAsync(work.Root, "rank", "--data", "ranked.jsonl", "--judge", "oracle", "--out", "q.jsonl"))
            .Expect(2);

        Assert.All(work.Rows("p.jsonl"), r => Assert.All(r["score"]!.AsArray(), s => Assert.True(s!.GetValue<double>() < 0)));
        Assert.Contains("openai:MODEL", unknown.Error, StringComparison.Ordinal);
    }
}
