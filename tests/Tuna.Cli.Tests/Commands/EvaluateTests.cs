using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class EvaluateTests
{
    [Fact]
    public async Task SuperNatural_FromAModelAndFromItsPredictions_Agree_AndResume()
    {
        using Workspace work = await new Workspace().WithModelAsync();
        WriteNaturalTask(work);
        string[] line = ["evaluate", "superni", "--benchmark", "ni", "--name", "m", "-q", "--json"];

        JsonElement made = (await TunaProcess.RunAsync(work.Root, [.. line, "--model", "model", "--out", "a.json"])).Expect(0).Json;
        string predictions = work.Text("a.json.predictions.jsonl");
        // A torn last line, as after a kill in the middle of a write: that answer is made again, to the same bits.
        await File.WriteAllTextAsync(work["a.json.predictions.jsonl"], predictions[..(predictions.Length - 20)]);
        (await TunaProcess.RunAsync(work.Root, [.. line, "--model", "model", "--out", "a.json"])).Expect(0);
        JsonElement read = (await TunaProcess.RunAsync(work.Root,
            [.. line, "--predictions", "a.json.predictions.jsonl", "--out", "b.json"])).Expect(0).Json;

        Assert.Equal(predictions, work.Text("a.json.predictions.jsonl"));
        Assert.Equal(made.GetProperty("metrics").ToString(), read.GetProperty("metrics").ToString());
        Assert.Equal(3, read.GetProperty("metrics").GetProperty("instances").GetInt32());
    }

    [Fact]
    public async Task SuperNatural_PerfectPredictions_Score100()
    {
        using Workspace work = new();
        WriteNaturalTask(work);
        await File.WriteAllLinesAsync(work["p.jsonl"], Enumerable.Range(0, 3)
            .Select(i => new JsonObject { ["id"] = $"task900_own-{i}", ["prediction"] = $"answer {i}" }.ToJsonString()));

        JsonElement result = (await TunaProcess.RunAsync(work.Root, "evaluate", "superni", "--benchmark", "ni", "--predictions", "p.jsonl",
            "--out", "r.json", "--json", "-q")).Expect(0).Json;

        Assert.Equal(100, result.GetProperty("metrics").GetProperty("rouge_l").GetDouble());
    }

    [Theory]
    [InlineData("superni")]
    [InlineData("lmentry")]
    public async Task Benchmark_EmptyFolder_SaysWhatItLooksFor(string benchmark)
    {
        using Workspace work = new Workspace().WithRanked(1);
        Directory.CreateDirectory(work["empty"]);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "evaluate", benchmark, "--benchmark", "empty", "--predictions", "ranked.jsonl",
            "--out", "r.json")).Expect(1);

        Assert.Contains("empty", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(work["r.json"]));
    }

    [Fact]
    public async Task Nll_IsThatOfTheModel_WhateverIsLimited()
    {
        using Workspace work = await new Workspace().WithInstructions(3).WithModelAsync();

        JsonElement result = (await TunaProcess.RunAsync(work.Root, "evaluate", "nll", "--model", "model", "--data", "data.jsonl", "--out",
            "n.json", "--json", "-q")).Expect(0).Json;

        // A random model is close to uniform over its 259 ids.
        Assert.Equal(Math.Log(259), result.GetProperty("metrics").GetProperty("nll_per_token").GetDouble(), 0.2);
        Assert.False(File.Exists(work["n.json.scores.jsonl"]));
    }

    [Fact]
    public async Task Agreement_OtherCandidates_IsBadInput()
    {
        using Workspace work = new Workspace().WithRanked(2).WithRanked(2, "other.jsonl");
        await File.WriteAllTextAsync(work["other.jsonl"], work.Text("other.jsonl").Replace("What?", "Why?", StringComparison.Ordinal));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "evaluate", "agreement", "--data", "ranked.jsonl", "--with", "other.jsonl",
            "--out", "a.json")).Expect(1);

        Assert.Contains("row 'r0' has other responses", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Vicuna_BothOrders_CountWinsAndPayOnce_AndTheCostTableKnows()
    {
        using Workspace work = new();
        await WriteLinesAsync(work["q.jsonl"], i => new() { ["question_id"] = i, ["category"] = "generic", ["text"] = $"Question {i}?" });
        await WriteLinesAsync(work["a.jsonl"], i => new() { ["question_id"] = i, ["text"] = "GOOD" });
        await WriteLinesAsync(work["b.jsonl"], i => new() { ["question_id"] = i, ["text"] = "POOR" });
        // The judge prefers GOOD wherever it stands.
        using var judge = new LoopbackJudge((_, body) =>
            new(body.IndexOf("GOOD", StringComparison.Ordinal) < body.IndexOf("POOR", StringComparison.Ordinal) ? "[[A]]" : "[[B]]"));
        string[] line = ["evaluate", "vicuna", "--answers", "a.jsonl", "--baseline", "b.jsonl", "--questions", "q.jsonl", "--judge",
            "openai:loopback", "--out", "v.json", "--json", "-q"];

        (await TunaProcess.RunAsync(work.Root, judge.Environment, line)).Expect(0);
        JsonElement metrics = (await TunaProcess.RunAsync(work.Root, judge.Environment, line)).Expect(0).Json.GetProperty("metrics");

        Assert.Equal((3, 1.0), (metrics.GetProperty("wins").GetInt32(), metrics.GetProperty("adjusted_win_rate").GetDouble()));
        Assert.Equal(6, judge.Calls); // two orders, once

        await File.WriteAllTextAsync(work["prices.json"], """{"loopback": {"input_per_million": 10, "output_per_million": 100}}""");
        JsonElement cost = (await TunaProcess.RunAsync(work.Root, "evaluate", "cost", "--calls", "v.json.calls.jsonl", "--prices",
            "prices.json", "--out", "c.json", "--json", "-q")).Expect(0).Json;
        Assert.Equal(6 * (100 * 10 + 20 * 100) / 1e6, cost.GetProperty("metrics").GetProperty("cost").GetDouble(), 9);
    }

    [Fact]
    public async Task Human_ScoresRanks()
    {
        using Workspace work = new();
        await WriteLinesAsync(work["h.jsonl"], i => new()
        {
            ["id"] = $"r{i}",
            ["item"] = $"q{i}",
            ["ranks"] = new JsonObject { ["tuna"] = 1, ["alpaca"] = 2 },
        });

        JsonElement metrics = (await TunaProcess.RunAsync(work.Root, "evaluate", "human", "--data", "h.jsonl", "--out", "h.json", "--json",
            "-q")).Expect(0).Json.GetProperty("metrics");

        Assert.Equal((2, 1), (metrics.GetProperty("tuna").GetInt32(), metrics.GetProperty("alpaca").GetInt32()));
    }

    [Fact]
    public async Task BertScore_OfTheReferencesThemselves_Is1()
    {
        using Workspace work = await new Workspace().WithModelAsync();
        await WriteLinesAsync(work["g.jsonl"], i => new()
        {
            ["id"] = i,
            ["instruction"] = "Say it.",
            ["output"] = $"It is {i}.",
            ["reference"] = $"It is {i}.",
        });

        JsonElement metrics = (await TunaProcess.RunAsync(work.Root, "evaluate", "bertscore", "--model", "model", "--data", "g.jsonl",
            "--idf", "--out", "b.json", "--json", "-q")).Expect(0).Json.GetProperty("metrics");

        Assert.Equal(1, metrics.GetProperty("f1").GetDouble(), 1e-5); // single precision
    }

    private static Task WriteLinesAsync(string path, Func<int, JsonObject> row) =>
        File.WriteAllLinesAsync(path, Enumerable.Range(0, 3).Select(i => row(i).ToJsonString()));

    internal static void WriteNaturalTask(Workspace work, int instances = 3)
    {
        Directory.CreateDirectory(work["ni/splits/default"]);
        Directory.CreateDirectory(work["ni/tasks"]);
        File.WriteAllText(work["ni/splits/default/test_tasks.txt"], "task900_own\n");
        File.WriteAllText(work["ni/tasks/task900_own.json"], new JsonObject
        {
            ["Definition"] = new JsonArray("Answer with the number."),
            ["Categories"] = new JsonArray("Own"),
            ["Positive Examples"] = new JsonArray(new JsonObject { ["input"] = "7", ["output"] = "answer 7", ["explanation"] = "" }),
            ["Negative Examples"] = new JsonArray(),
            ["Instances"] = new JsonArray(
                [.. Enumerable.Range(0, instances)
                .Select(i => (JsonNode)new JsonObject
                {
                    ["id"] = $"task900_own-{i}",
                    ["input"] = $"{i}",
                    ["output"] = new JsonArray($"answer {i}"),
                })]),
        }.ToJsonString());
    }
}
