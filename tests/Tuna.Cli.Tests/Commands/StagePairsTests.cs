using Tuna.Cli.Tests.Support;
using Tuna.Data;
using Tuna.Data.Formats;
using Tuna.Testing;

namespace Tuna.Cli.Tests.Commands;

/// <summary>What a stage writes the next one reads, with fields in the rows that each form keeps for itself; no field is lost on the
/// way.</summary>
public sealed class StagePairsTests : IClassFixture<StagePairsTests.Model>
{
    private readonly Model _model;

    public StagePairsTests(Model model) => _model = model;

    // Alpaca's rows of one response are no ranking.
    private static readonly string[] Names = [.. RankedFormats.Writable.Where(f => f != "alpaca")];

    public static TheoryData<string> Forms() => [.. Names];

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Convert_ToEveryOtherForm_StatsReadsIt_AndNothingIsLost(string first)
    {
        using var work = new Workspace();
        RankedExample[] rows = Rows();
        DataFile.Write(work["first.jsonl"], rows, RankedFormats.ByName[first]);
        foreach (string second in Names)
        {
            string file = work[second + ".jsonl"], back = work[second + ".back.jsonl"];
            (await TunaApp.RunAsync("convert", "--data", work["first.jsonl"], "--to", second, "--out", file)).Expect(0);
            (await TunaApp.RunAsync("stats", "--data", file)).Expect(0);
            (await TunaApp.RunAsync("convert", "--data", file, "--out", back)).Expect(0);
            Same(rows, RankedData.Read(back), $"{first} > {second}");
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Stages_OnAForm_EachReadsWhatTheOneBeforeWrote(string form)
    {
        using var work = new Workspace();
        string data = work["data.jsonl"], samples = work["samples.jsonl"], ranked = work["ranked.jsonl"], judged = work["judged.jsonl"];
        RankedExample[] rows = Rows();
        DataFile.Write(data, rows, RankedFormats.ByName[form]);
        string model = _model.Folder;

        (await TunaApp.RunAsync("stats", "--data", data)).Expect(0);
        (await TunaApp.RunAsync("evaluate", "nll", "--model", model, "--data", data, "--out", work["nll.json"])).Expect(0);
        (await TunaApp.RunAsync("sft", "--model", model, "--data", data, "--out", work["sft"], "--epochs", "1")).Expect(0);
        (await TunaApp.RunAsync("train", "--model", model, "--data", data, "--out", work["direct"])).Expect(0);
        (await TunaApp.RunAsync("rank", "--data", data, "--judge", "policy:" + model, "--out", judged)).Expect(0);
        Same(rows, RankedData.Read(judged), "rank", scores: false);
        (await TunaApp.RunAsync("stats", "--data", judged)).Expect(0);

        (await TunaApp.RunAsync("sample", "--model", model, "--data", data, "--out", samples, "-n", "2", "--max-new-tokens", "4",
            "--trials", "1")).Expect(0);
        (await TunaApp.RunAsync("rank", "--data", samples, "--judge", "probabilistic", "--out", ranked)).Expect(0);
        (await TunaApp.RunAsync("stats", "--data", ranked)).Expect(0);
        (await TunaApp.RunAsync("train", "--model", model, "--data", ranked, "--out", work["tuned"])).Expect(0);
        Assert.All(RankedData.Read(ranked).Zip(rows),
            pair => Assert.Equal((pair.Second.Id, "", 2),
            (pair.First.Id, HostileRows.Difference(pair.Second, pair.First), pair.First.Outputs.Count)));
    }

    /// <summary>Forms that are read only, by a row of each; <c>#</c> is the row's number.</summary>
    public static TheoryData<string, string> ReadOnlyForms => new()
    {
        { "alpaca", """ "instruction":"ask #","input":"this","output":"good" """ },
        { "dolly", """ "instruction":"ask #","context":"this","response":"good","category":"qa" """ },
        { "orca", """ "system_prompt":"be kind","question":"ask #","response":"good" """ },
        { "completion", """ "prompt":"ask #","completion":"good" """ },
        { "math", """ "question":"ask #","answer":"good" """ },
        { "messages", """ "messages":[{"role":"user","content":"ask #"},{"role":"assistant","content":"good"}] """ },
        { "turns", """ "messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},"""
            + """{"role":"user","content":"ask #"},{"role":"assistant","content":"good","weight":1}] """ },
        { "sharegpt", """ "conversations":[{"from":"human","value":"ask #"},{"from":"gpt","value":"good"}] """ },
        { "instances", """ "name":"n","instruction":"ask #","instances":[{"input":"this","output":"good"}],"is_classification":false """ },
        { "several instances", """ "instruction":"ask #","instances":[{"input":"","output":"good"},"""
            + """{"input":"that","output":"fine","k":1}] """ },
        { "helpsteer", """ "prompt":"ask #","response":"good","helpfulness":3,"correctness":4,"coherence":null,"verbosity":1 """ },
    };

    /// <summary>What is only read is written by no stage in its own form, but every field of it is carried on all the same.</summary>
    [Theory]
    [MemberData(nameof(ReadOnlyForms))]
    public async Task Stages_OnAReadOnlyForm_KeepEveryField(string form, string fields)
    {
        using var work = new Workspace();
        string data = work["data.jsonl"], ranked = work["ranked.jsonl"], samples = work["samples.jsonl"];
        ExtraField[] extra = HostileRows.Strangers(form.Length);
        await File.WriteAllLinesAsync(data, Enumerable.Range(0, 3).Select(i =>
            $"{{\"id\":\"r{i}\",{fields.Replace("#", $"{i}", StringComparison.Ordinal)},"
            + string.Join(",", extra.Select(f => $"{System.Text.Json.JsonSerializer.Serialize(f.Name)}:{f.Json}")) + "}"));
        RankedExample[] rows = [.. RankedData.Read(data)];
        Assert.Equal(form == "several instances" ? 6 : 3, rows.Length);
        Assert.All(rows, row => Assert.Equal("", HostileRows.Missing(extra, row)));
        Assert.All(rows, row => Assert.Contains("ask", row.Instruction, StringComparison.Ordinal));

        (await TunaApp.RunAsync("stats", "--data", data)).Expect(0);
        (await TunaApp.RunAsync("convert", "--data", data, "--out", ranked)).Expect(0);
        Same(rows, RankedData.Read(ranked), form);
        foreach (string other in Names)
        {
            string file = work[other + ".jsonl"];
            TunaRun converted = await TunaApp.RunAsync("convert", "--data", ranked, "--to", other, "--out", file);
            if (converted.ExitCode == 0)
                Assert.All(RankedData.Read(file), row => Assert.Equal("", HostileRows.Missing(extra, row)));
            else
                Assert.Contains("None of the", converted.Error, StringComparison.Ordinal); // one response is no pair; that is said
        }

        (await TunaApp.RunAsync("sft", "--model", _model.Folder, "--data", data, "--out", work["sft"], "--epochs", "1")).Expect(0);
        (await TunaApp.RunAsync("sample", "--model", _model.Folder, "--data", data, "--out", samples, "-n", "2", "--max-new-tokens", "4",
            "--trials", "1")).Expect(0);
        (await TunaApp.RunAsync("rank", "--data", samples, "--judge", "probabilistic", "--out", work["judged.jsonl"])).Expect(0);
        (await TunaApp.RunAsync("train", "--model", _model.Folder, "--data", work["judged.jsonl"], "--out", work["tuned"])).Expect(0);
        Assert.All(RankedData.Read(work["judged.jsonl"]), row => Assert.Equal("", HostileRows.Missing(extra, row)));
    }

    private static RankedExample[] Rows() => [.. Enumerable.Range(0, 3).Select(HostileRows.Of)];

    private static void Same(RankedExample[] before, IEnumerable<RankedExample> after, string what, bool scores = true)
    {
        RankedExample[] read = [.. after];
        Assert.Equal(before.Length, read.Length);
        foreach ((RankedExample row, RankedExample now) in before.Zip(read))
        {
            Assert.True(HostileRows.Difference(row, now) == "", $"{what}, {row.Id}: {HostileRows.Difference(row, now)}");
            Assert.Equal((row.Instruction, row.Reference), (now.Instruction, now.Reference));
            Assert.Equal(row.Outputs, now.Outputs);
            Assert.Equal(row.Models, now.Models);
            if (scores)
                Assert.Equal(row.Scores, now.Scores);
        }
    }

    /// <summary>A tiny random model.</summary>
    public sealed class Model : IAsyncLifetime, IDisposable
    {
        private readonly Workspace _work = new();

        public string Folder => _work["model"];

        public Task InitializeAsync() => _work.WithModelAsync();

        public Task DisposeAsync() => Task.CompletedTask;

        public void Dispose() => _work.Dispose();
    }
}
