using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>What `tuna rank` says: what calls will cost before the first one, and why rows could not be ranked.</summary>
public class RankWordsTests
{
    private static readonly string[] Rank =
        ["rank", "--data", "ranked.jsonl", "--judge", "openai:loopback", "--out", "out.jsonl", "--retry-delay", "0.01"];

    [Fact]
    public async Task Rank_ByAService_ShowsAnEstimateAndABudgetBeforeTheFirstCall()
    {
        using Workspace work = new Workspace().WithRanked(5, scores: false);
        using LoopbackJudge judge = LoopbackJudge.InOrder();

        TunaRun run = (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--price-input", "10", "--price-output", "100"]))
            .Expect(0);

        Assert.Contains("Estimate: 5 calls to loopback", run.Error, StringComparison.Ordinal);
        Assert.Contains("at these prices", run.Error, StringComparison.Ordinal);
        Assert.Contains("The budget is", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rank_AServiceThatTakesFarMoreThanEstimated_StopsAtTheBudgetThatNobodyGave()
    {
        using Workspace work = new Workspace().WithRanked(40, scores: false);
        using var judge = new LoopbackJudge((_, _) => new(LoopbackJudge.Ranking([0, 1, 2, 3]), OutputTokens: 50_000));

        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--parallel", "1"])).Expect(4);

        Assert.InRange(judge.Calls, 1, 10);
    }

    [Fact]
    public async Task Rank_TheServiceRefusesTheKey_SaysWhatToCheck()
    {
        using Workspace work = new Workspace().WithRanked(3, scores: false);
        using var judge = new LoopbackJudge((_, _) => new("invalid_api_key", 401));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. Rank, "--parallel", "1"])).Expect(5);

        Assert.Contains("401", run.Error, StringComparison.Ordinal);
        Assert.Contains("OPENAI_API_KEY", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rank_AKeyForAnotherMachineOverPlainHttp_IsRefused_UnlessAllowed()
    {
        using Workspace work = new Workspace().WithRanked(1, scores: false);
        var environment = new Dictionary<string, string>
        {
            ["OPENAI_API_KEY"] = "key-that-stays-here",
            ["OPENAI_BASE_URL"] = "http://service.invalid/v1",
        };

        TunaRun refused = (await TunaProcess.RunAsync(work.Root, environment, Rank)).Expect(5);
        TunaRun allowed = await TunaProcess.RunAsync(work.Root, environment, [.. Rank, "--allow-key-over-http", "--retries", "0"]);

        Assert.Contains("plain http", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--allow-key-over-http", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("key-that-stays-here", refused.Error + allowed.Error + allowed.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("plain http", allowed.Error, StringComparison.Ordinal);
        Assert.Equal(5, allowed.ExitCode); // there is no such machine
    }

    [Fact]
    public async Task Rank_RowsWithoutLogProbs_SaysWhyOnce_AndDoesNotAdviseToTryAgain()
    {
        using Workspace work = new Workspace().WithInstructions(0);
        await File.WriteAllLinesAsync(work["plain.jsonl"],
            Enumerable.Range(0, 64).Select(i => $$"""{"id": "r{{i}}", "instruction": "Say {{i}}.", "output": ["a", "b"]}"""));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "rank", "--data", "plain.jsonl", "--judge", "probabilistic", "--out",
            "out.jsonl")).Expect(1);

        Assert.Contains("64 x:", run.Error, StringComparison.Ordinal);
        Assert.Contains("log-probabilities", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("retry", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(work["out.jsonl"]));
    }

    [Fact]
    public async Task Rank_RepliesThatNobodyCanRead_SaysSo_AndWhatToTry()
    {
        using Workspace work = new Workspace().WithRanked(3, scores: false);
        using var judge = new LoopbackJudge((_, body) =>
            new(body.Contains("number 0.", StringComparison.Ordinal) ? LoopbackJudge.Ranking([0, 1, 2, 3]) : "I would rather not."));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, judge.Environment, Rank)).Expect(3);

        Assert.Contains("2 rows could not be ranked", run.Output, StringComparison.Ordinal);
        Assert.Contains("--prompt json", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("retry", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rank_ARowThatHoldsEscapeSequences_DoesNotReachTheTerminal()
    {
        using var work = new Workspace();
        await File.WriteAllTextAsync(work["plain.jsonl"], """{"id": "\u001b[31mred", "instruction": "x", "output": ["a", "b"]}""" + "\n");

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "rank", "--data", "plain.jsonl", "--judge", "probabilistic", "--out",
            "out.jsonl")).Expect(1);

        Assert.DoesNotContain('\u001b', run.Error);
        Assert.Contains("\\u001b[31mred", run.Error, StringComparison.Ordinal);
    }
}
