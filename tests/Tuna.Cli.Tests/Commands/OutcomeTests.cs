using System.Text.Json;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class OutcomeTests
{
    private static readonly string[] Train =
        ["train", "--model", "model", "--data", "ranked.jsonl", "--batch", "2", "--epochs", "6", "--lr", "0.01"];

    [Fact]
    public async Task Train_RowsHeldOut_SaysWhatImprovedOnThem_AndTellsItAgainWhenAskedAgain()
    {
        using Workspace work = await new Workspace().WithRanked(16).WithModelAsync();
        string[] line = [.. Train, "--out", "tuned", "--held-out", "0.3"];

        TunaRun run = (await TunaProcess.RunAsync(work.Root, line)).Expect(0);
        TunaRun again = (await TunaProcess.RunAsync(work.Root, [.. line, "--json"])).Expect(0);

        Assert.Contains("held-out rows", run.Output, StringComparison.Ordinal);
        Assert.Contains("pairs in the ranker's order", run.Output, StringComparison.Ordinal);
        Assert.Contains("NLL of the answers per token", run.Output, StringComparison.Ordinal);
        JsonElement before = again.Json.GetProperty("before"), after = again.Json.GetProperty("after");
        // The four answers are worded alike in every row: what is learned on some rows holds on the others.
        Assert.True(after.GetProperty("pairs_in_order").GetDouble() > before.GetProperty("pairs_in_order").GetDouble(), again.Output);
        Assert.True(after.GetProperty("nll_per_token").GetDouble() < before.GetProperty("nll_per_token").GetDouble(), again.Output);
        Assert.Equal(16, again.Json.GetProperty("held_out_rows").GetInt32() + again.Json.GetProperty("groups").GetInt32());
    }

    [Fact]
    public async Task Train_FewSteps_Warns()
    {
        using Workspace work = await new Workspace().WithRanked(4).WithModelAsync();

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "train", "--model", "model", "--data", "ranked.jsonl", "--out", "tuned"))
            .Expect(0);

        Assert.Contains("4 groups make 1 step of --batch 128", run.Error, StringComparison.Ordinal);
        Assert.Contains("of the rows it was trained on", run.Output, StringComparison.Ordinal); // none was held out of so few
    }
}
