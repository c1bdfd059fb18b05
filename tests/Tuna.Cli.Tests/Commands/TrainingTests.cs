using System.Text.Json;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class TrainingTests
{
    private static readonly string[] Sft =
        ["sft", "--model", "model", "--data", "data.jsonl", "--out", "alpaca", "--batch", "2", "--epochs", "2", "--lr", "0.001",
        "--checkpoint-every", "1", "--threads", "1"];

    [Fact]
    public async Task Sft_TinyData_WritesAHuggingFaceFolderThatStandsAlone()
    {
        using Workspace work = await new Workspace().WithInstructions(4).WithModelAsync();

        JsonElement result = (await TunaProcess.RunAsync(work.Root, [.. Sft, "--json"])).Expect(0).Json;

        Assert.Equal(4, result.GetProperty("steps").GetInt32());
        Assert.True(result.GetProperty("last_loss").GetDouble() < result.GetProperty("first_loss").GetDouble());
        foreach (string file in (string[])["config.json", "model.safetensors", "tuna.json", "training.jsonl"])
            Assert.True(File.Exists(Path.Combine(work["alpaca"], file)), file);
        Assert.False(Directory.Exists(work["alpaca.run"])); // checkpoints go when the model is in place
    }

    [Fact]
    public async Task Sft_KilledAndRunAgain_EndsWithTheSameBits()
    {
        using Workspace work = await new Workspace().WithInstructions(24).WithModelAsync();
        // Hundreds of checkpoints: on a busy machine the kill comes late, and it must still come before the end.
        string[] line = ["sft", "--model", "model", "--data", "data.jsonl", "--out", "alpaca", "--batch", "2", "--epochs", "20", "--lr",
            "0.001", "--checkpoint-every", "1", "--threads", "1"];
        (await TunaProcess.RunAsync(work.Root, [.. line.Select(a => a == "alpaca" ? "whole" : a)])).Expect(0);

        using TunaProcess first = TunaProcess.Start(work.Root, line);
        bool killed = await first.KillWhenAsync(() => Directory.Exists(work["alpaca.run"])
            && Directory.EnumerateDirectories(work["alpaca.run"], "checkpoint-*").Count() >= 2);
        Assert.True(killed);
        Assert.False(Directory.Exists(work["alpaca"])); // no half-trained model under the name of a finished one
        (await TunaProcess.RunAsync(work.Root, line)).Expect(0);

        Assert.Equal(work.Weights("whole"), work.Weights("alpaca"));
        Assert.Equal(File.ReadAllText(Path.Combine(work["whole"], "training.jsonl")),
            File.ReadAllText(Path.Combine(work["alpaca"], "training.jsonl")));
    }

    [Fact]
    public async Task Sft_AsyncCheckpoints_EndsWithTheSameBits()
    {
        using Workspace work = await new Workspace().WithInstructions(4).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, Sft)).Expect(0);
        (await TunaProcess.RunAsync(work.Root, [.. Sft.Select(a => a == "alpaca" ? "copied" : a), "--async-checkpoints"])).Expect(0);

        Assert.Equal(work.Weights("alpaca"), work.Weights("copied"));
    }

    [Fact]
    public async Task Sft_RunTwice_DoesNothingTheSecondTime_AndRefusesOtherSettings()
    {
        using Workspace work = await new Workspace().WithInstructions(4).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, Sft)).Expect(0);
        byte[] before = work.Weights("alpaca");

        Assert.Contains("nothing to do", (await TunaProcess.RunAsync(work.Root, Sft)).Expect(0).Output, StringComparison.Ordinal);
        TunaRun other = (await TunaProcess.RunAsync(work.Root, [.. Sft, "--seed", "7"])).Expect(1);

        Assert.Contains("seed was 0 and is now 7", other.Error, StringComparison.Ordinal);
        Assert.Equal(before, work.Weights("alpaca"));
    }

    [Fact]
    public async Task Train_RankedRows_TrainsWithEveryKindOfObjective()
    {
        using Workspace work = await new Workspace().WithRanked(4).WithModelAsync();
        foreach (string objective in (string[])["tuna", "mle-all", "dpo"]) // a margin, a likelihood, and one with a frozen policy
        {
            JsonElement result = (await TunaProcess.RunAsync(work.Root, "train", "--model", "model", "--data", "ranked.jsonl", "--out",
                objective, "--objective", objective, "--batch", "2", "--lr", "0.001", "--json", "-q")).Expect(0).Json;
            Assert.Equal(2, result.GetProperty("steps").GetInt32());
            Assert.Equal(4, result.GetProperty("groups").GetInt32());
        }
    }

    [Fact]
    public async Task Train_MixedObjective_TrainsAndIsTheSameHoweverItIsWritten()
    {
        using Workspace work = await new Workspace().WithRanked(4).WithModelAsync();
        string[] line = ["train", "--model", "model", "--data", "ranked.jsonl", "--out", "mixed", "--batch", "2", "--json", "-q"];

        JsonElement result = (await TunaProcess.RunAsync(work.Root, [.. line, "--objective", "dpo,mle=0.20", "--beta", "0.3"]))
            .Expect(0).Json;
        TunaRun again = (await TunaProcess.RunAsync(work.Root, [.. line, "--objective", "dpo=1,mle=.2", "--beta", "0.3"])).Expect(0);
        TunaRun other = (await TunaProcess.RunAsync(work.Root, [.. line, "--objective", "dpo=1,mle=0.3", "--beta", "0.3"])).Expect(1);

        // The first step: log 2 for each pair, and a fifth of a random model's NLL per token.
        Assert.InRange(result.GetProperty("first_loss").GetDouble(), Math.Log(2) + 0.8, Math.Log(2) + 2);
        Assert.Equal(0, again.ExitCode);
        Assert.Contains("objective was dpo=1,mle=0.2 and is now dpo=1,mle=0.3", other.Output + other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_SeveralFiles_AreMixed()
    {
        using Workspace work = await new Workspace().WithRanked(3).WithRanked(2, "more.jsonl").WithModelAsync();

        JsonElement result = (await TunaProcess.RunAsync(work.Root, "train", "--model", "model", "--data", "ranked.jsonl", "--data",
            "more.jsonl", "--out", "mixed", "--json", "-q")).Expect(0).Json;

        Assert.Equal(5, result.GetProperty("groups").GetInt32());
    }

    [Fact]
    public async Task Train_RowsWithoutScores_SaysToRankFirst()
    {
        using Workspace work = await new Workspace().WithRanked(2, scores: false).WithModelAsync();

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "train", "--model", "model", "--data", "ranked.jsonl", "--out", "x"))
            .Expect(1);

        Assert.Contains("tuna rank", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_RowsWithoutAReferenceThatFits_AreLeftOutAndTold_NotTheEndOfTheRun()
    {
        using Workspace work = await new Workspace().WithRanked(6).WithModelAsync();
        string[] rows = work.Lines("ranked.jsonl");
        rows[1] = rows[1].Replace("It is 1.", new string('x', 600), StringComparison.Ordinal);
        rows[4] = rows[4].Replace("\"reference\"", "\"no_reference\"", StringComparison.Ordinal);
        await File.WriteAllLinesAsync(work["ranked.jsonl"], rows);
        string[] line = ["train", "--model", "model", "--data", "ranked.jsonl", "--batch", "2", "--max-length", "400"];

        TunaRun given = (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "a", "--json"])).Expect(0);
        TunaRun best = (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "b", "--json", "--reference", "best"])).Expect(0);
        TunaRun none = (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "c", "--reference", "none"])).Expect(2);

        Assert.Equal((4, 2), (given.Json.GetProperty("groups").GetInt32(), given.Json.GetProperty("rejected_rows").GetInt32()));
        Assert.Contains("2 rows have no reference response", given.Error, StringComparison.Ordinal);
        Assert.Equal(6, best.Json.GetProperty("groups").GetInt32());
        Assert.Contains("--lambda 0", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_DamagedRow_NamesFileAndLine()
    {
        using Workspace work = await new Workspace().WithRanked(2).WithModelAsync();
        await File.AppendAllTextAsync(work["ranked.jsonl"],
            "{\"id\": \"bad\", \"instruction\": \"x\", \"output\": [\"a\"], \"score\": [1, 2]}\n");

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "train", "--model", "model", "--data", "ranked.jsonl", "--out", "x"))
            .Expect(1);

        Assert.Contains("ranked.jsonl, line 3", run.Error, StringComparison.Ordinal);
        Assert.Contains("'bad'", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prm_TrainsAndRanksInTheJudgesPlace_AndIsMeasured()
    {
        using Workspace work = await new Workspace().WithRanked(16).WithModelAsync();
        JsonElement result = (await TunaProcess.RunAsync(work.Root,
            "prm", "--model", "model", "--data", "ranked.jsonl", "--out", "prm", "--held-out", "0.3", "--batch", "2", "--epochs", "8",
                "--lr", "0.01", "--json", "-q")).Expect(0).Json;
        Assert.True(result.GetProperty("held_out_rows").GetInt32() > 0);
        // The four answers are worded alike in every row: what is learned on some rows holds on the others.
        Assert.True(result.GetProperty("pairwise_accuracy").GetDouble() > 0.9, result.ToString());

        (await TunaProcess.RunAsync(work.Root, "rank", "--data", "ranked.jsonl", "--judge", "prm:prm", "--out", "reranked.jsonl", "-q"))
            .Expect(0);
        JsonElement agreement = (
            await TunaProcess.RunAsync(work.Root, "evaluate", "agreement", "--data", "ranked.jsonl", "--with", "reranked.jsonl", "--out",
            "a.json", "--json", "-q")).Expect(0).Json;

        Assert.True(agreement.GetProperty("metrics").GetProperty("pairwise_accuracy").GetDouble() > 0.9, agreement.ToString());
        Assert.Equal(16, work.Lines("reranked.jsonl").Length);
    }

    [Fact]
    public async Task Interrupt_DuringTraining_Exits130AndSaysHowToGoOn()
    {
        if (OperatingSystem.IsWindows())
            return; // no SIGINT to send there
        using Workspace work = await new Workspace().WithInstructions(64).WithModelAsync();
        string[] line = ["sft", "--model", "model", "--data", "data.jsonl", "--out", "alpaca", "--batch", "1", "--epochs", "20",
            "--checkpoint-every", "1"];
        using TunaProcess run = TunaProcess.Start(work.Root, line);
        while (!run.HasExited && !HasCheckpoint())
            await Task.Delay(5);

        run.Interrupt();
        TunaRun end = (await run.EndAsync()).Expect(130);

        Assert.Contains("same command again", end.Error, StringComparison.Ordinal);
        Assert.True(HasCheckpoint());
        Assert.False(Directory.Exists(work["alpaca"]));

        bool HasCheckpoint() => Directory.Exists(work["alpaca.run"])
            && Directory.EnumerateDirectories(work["alpaca.run"], "checkpoint-????????").Any();
    }
}
