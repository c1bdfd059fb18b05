using System.Text.Json.Nodes;
using Tuna.Cli.Files;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>Shares of a stage, put together: the bytes of one run, or an error that names what is wrong.</summary>
public sealed class ShardTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("sample", "--max-new-tokens", "6")]
    [InlineData("generate", "--max-new-tokens", "6")]
    public async Task Merge_OfSharesOfAModelsStage_GivesTheBytesOfOneRun(params string[] stage)
    {
        await _work.WithInstructions(7).WithModelAsync();
        string[] common = [.. stage, "--model", _work["model"], "--data", _work["data.jsonl"], "-q"];
        (await TunaApp.RunAsync([.. common, "--out", _work["one.jsonl"]])).Expect(0);
        foreach (int i in (int[])[2, 0, 1])
            (await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--shard", $"{i}/3"])).Expect(0);
        (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"])).Expect(0);
        Assert.Equal(_work.Text("one.jsonl"), _work.Text("all.jsonl"));
        Assert.Equal(_work.Text("one.jsonl.settings.json"), _work.Text("all.jsonl.settings.json"));
        // The whole is there: the same command without --shard has nothing to do.
        TunaRun again = await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--json"]);
        Assert.Equal(7, again.Expect(0).Json.GetProperty("rows_before").GetInt32());
    }

    [Theory]
    [InlineData("nll")]
    [InlineData("bertscore", "--idf")]
    public async Task Merge_OfSharesOfScores_GivesTheResultOfOneRun(string evaluation, params string[] more)
    {
        await _work.WithInstructions(11).WithModelAsync();
        // The same answer twice, and a row that does not fit.
        JsonNode[] rows = [.. _work.Rows("data.jsonl")];
        rows[5]["instruction"] = rows[2]["instruction"]!.GetValue<string>();
        rows[5]["output"] = rows[2]["output"]!.GetValue<string>();
        rows[7]["output"] = new string('x', evaluation == "nll" ? 4000 : 20);
        foreach (JsonNode row in rows)
            row["reference"] = "It is a number.";
        File.WriteAllLines(_work["data.jsonl"], rows.Select(r => r.ToJsonString()));
        string[] common = ["evaluate", evaluation, "--model", _work["model"], "--data", _work["data.jsonl"], "--name", "m", "-q", .. more];
        (await TunaApp.RunAsync([.. common, "--out", _work["one.json"]])).Expect(0);
        foreach (int i in (int[])[1, 2, 0])
            (await TunaApp.RunAsync([.. common, "--out", _work["all.json"], "--shard", $"{i}/3"])).Expect(0);
        Assert.False(File.Exists(_work["all.json"]));
        (await TunaApp.RunAsync("merge", "--out", _work["all.json.scores.jsonl"])).Expect(0);
        Assert.Equal(evaluation == "nll" ? 9 : 10, _work.Lines("all.json.scores.jsonl").Length);
        (await TunaApp.RunAsync([.. common, "--out", _work["all.json"]])).Expect(0);
        Assert.Equal(_work.Text("one.json"), _work.Text("all.json"));
        Assert.False(File.Exists(_work["all.json.scores.jsonl"]));
    }

    [Fact]
    public async Task Merge_OfSharesOfVicunasAnswers_GivesTheBytesOfOneRun()
    {
        await _work.WithModelAsync();
        File.WriteAllLines(_work["questions.jsonl"], Enumerable.Range(0, 5).Select(i =>
            new JsonObject { ["question_id"] = i, ["category"] = "generic", ["text"] = $"Question {i}?" }.ToJsonString()));
        File.WriteAllLines(_work["baseline.jsonl"], Enumerable.Range(0, 5).Select(i =>
            new JsonObject { ["question_id"] = i, ["text"] = $"Answer {i}." }.ToJsonString()));
        using var judge = new LoopbackJudge((_, _) => new("[[A]]"));
        string[] common = ["evaluate", "vicuna", "--model", "model", "--questions", "questions.jsonl", "--baseline", "baseline.jsonl",
            "--judge", "openai:loopback", "--max-new-tokens", "8", "--name", "m", "-q"];
        (await TunaProcess.RunAsync(_work.Root, judge.Environment, [.. common, "--out", "one.json"])).Expect(0);
        int calls = judge.Calls;
        foreach (int i in (int[])[1, 0])
            (await TunaProcess.RunAsync(_work.Root, judge.Environment, [.. common, "--out", "all.json", "--shard", $"{i}/2"])).Expect(0);
        Assert.Equal(calls, judge.Calls); // shares answer; who judges is the run that scores
        (await TunaProcess.RunAsync(_work.Root, "merge", "--out", "all.json.predictions.jsonl")).Expect(0);
        Assert.Equal(_work.Text("one.json.predictions.jsonl"), _work.Text("all.json.predictions.jsonl"));
        (await TunaProcess.RunAsync(_work.Root, judge.Environment, [.. common, "--out", "all.json"])).Expect(0);
        Assert.Equal(_work.Text("one.json"), _work.Text("all.json"));
    }

    [Fact]
    public async Task Merge_OfSharesOfRank_NamesRowsThatCouldNotBeRanked()
    {
        _work.WithRanked(9, scores: false);
        JsonNode[] rows = _work.Rows("ranked.jsonl");
        rows[4].AsObject().Remove("logprob"); // what the probabilistic ranker needs
        File.WriteAllLines(_work["rows.jsonl"], rows.Select(r => r.ToJsonString()));
        string[] common = ["rank", "--data", _work["rows.jsonl"], "--judge", "probabilistic", "-q"];
        (await TunaApp.RunAsync([.. common, "--out", _work["one.jsonl"]])).Expect(3);
        (await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--shard", "0/2"])).Expect(3);
        (await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--shard", "1/2"])).Expect(0);
        TunaRun merged = (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"], "--json")).Expect(3);
        Assert.Equal((8, 1), (merged.Json.GetProperty("rows").GetInt32(), merged.Json.GetProperty("failed").GetInt32()));
        Assert.Equal(_work.Text("one.jsonl"), _work.Text("all.jsonl"));
        Assert.Equal(_work.Text("one.jsonl.failed.jsonl"), _work.Text("all.jsonl.failed.jsonl"));
    }

    [Fact]
    public async Task Merge_MoreSharesThanRows_GivesTheBytesOfOneRun()
    {
        _work.WithRanked(2, scores: false);
        string[] common = ["rank", "--data", _work["ranked.jsonl"], "--judge", "probabilistic", "-q"];
        (await TunaApp.RunAsync([.. common, "--out", _work["one.jsonl"]])).Expect(0);
        for (int again = 0; again < 2; again++)
        {
            for (int i = 0; i < 4; i++)
                (await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--shard", $"{i}/4"])).Expect(0);
        }

        (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"])).Expect(0);
        Assert.Equal(_work.Text("one.jsonl"), _work.Text("all.jsonl"));
    }

    [Fact]
    public async Task Merge_RowThatTheInputHasTwice_IsThereOnce()
    {
        _work.WithRanked(4, scores: false);
        File.AppendAllText(_work["ranked.jsonl"], _work.Lines("ranked.jsonl")[0] + "\n");
        string[] common = ["rank", "--data", _work["ranked.jsonl"], "--judge", "probabilistic", "-q"];
        TunaRun one = await TunaApp.RunAsync([.. common, "--out", _work["one.jsonl"]]);
        TunaRun first = await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--shard", "0/2"]);
        Assert.Equal(one.ExitCode, first.ExitCode);
        if (one.ExitCode != 0)
            return; // ids that repeat are refused by the reader, as one run refuses them
        (await TunaApp.RunAsync([.. common, "--out", _work["all.jsonl"], "--shard", "1/2"])).Expect(0);
        (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"])).Expect(0);
        Assert.Equal(_work.Text("one.jsonl"), _work.Text("all.jsonl"));
    }

    [Fact]
    public async Task Merge_WhatDoesNotBelongTogether_IsRefusedByName()
    {
        _work.WithRanked(6, scores: false);
        await Share("0/3");
        await Share("2/3");
        Assert.Contains("1/3", (await Merge()).Error, StringComparison.Ordinal);
        await Share("1/3", "--beta", "2");
        Assert.Contains("other settings", (await Merge()).Error, StringComparison.Ordinal);
        File.Delete(_work["all.shard-1-of-3.jsonl"]);
        File.Delete(_work["all.shard-1-of-3.jsonl.shard.json"]);
        await Share("1/3");
        string share = _work["all.shard-1-of-3.jsonl"], whole = File.ReadAllText(share);
        File.WriteAllText(share, whole.Split('\n')[0] + "\n");
        Assert.Contains("was changed", (await Merge()).Error, StringComparison.Ordinal);
        File.WriteAllText(share, whole);
        File.Move(ShardRecord.PathFor(share), share + ".hidden");
        Assert.Contains("not finished", (await Merge()).Error, StringComparison.Ordinal);
        File.Move(share + ".hidden", ShardRecord.PathFor(share));
        await Share("0/2");
        Assert.Contains("twice", (await Merge()).Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_work["all.jsonl"]));
        File.Delete(_work["all.shard-0-of-2.jsonl"]);
        (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"])).Expect(0);

        async Task Share(string shard, params string[] more) =>
            (await TunaApp.RunAsync(["rank", "--data", _work["ranked.jsonl"], "--judge", "probabilistic", "-q", "--out", _work["all.jsonl"],
                "--shard", shard, .. more])).Expect(0);

        async Task<TunaRun> Merge() => (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"])).Expect(1);
    }

    [Fact]
    public async Task Merge_NothingThere_SaysHowToMakeShares() =>
        Assert.Contains("--shard 0/4", (await TunaApp.RunAsync("merge", "--out", _work["all.jsonl"])).Expect(1).Error,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("4/4")]
    [InlineData("-1/4")]
    [InlineData("0")]
    [InlineData("1/0")]
    [InlineData("a/b")]
    [InlineData("0/2/3")]
    public async Task Shard_ThatIsNone_IsAUsageError(string shard) =>
        (await TunaApp.RunAsync("rank", "--data", "x", "--judge", "probabilistic", "--out", "y", "--shard", shard)).Expect(2);
}
