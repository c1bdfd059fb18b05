using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class SamplingTests
{
    private static readonly string[] Sample =
        ["sample", "--model", "model", "--data", "data.jsonl", "--max-new-tokens", "6", "--batch", "1", "--threads", "1", "--seed", "3",
        "-q"];

    [Fact]
    public async Task Sample_GivesEveryRowItsCandidatesWithLogProbabilities()
    {
        using Workspace work = await new Workspace().WithInstructions(3).WithModelAsync();

        (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl", "--count", "3"])).Expect(0);

        JsonNode[] rows = work.Rows("s.jsonl");
        Assert.Equal(["r0", "r1", "r2"], rows.Select(r => r["id"]!.GetValue<string>()));
        Assert.All(rows, r => Assert.Equal((3, 3, 3),
            (r["output"]!.AsArray().Count, r["logprob"]!.AsArray().Count, r["tokens"]!.AsArray().Count)));
        Assert.Equal("It is 0.", rows[0]["reference"]!.GetValue<string>());
        Assert.False(File.Exists(work["s.jsonl.journal"]));
    }

    [Fact]
    public async Task Sample_KilledAndRunAgain_GivesTheSameFile()
    {
        using Workspace work = await new Workspace().WithInstructions(1200).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "whole.jsonl"])).Expect(0);
        using TunaProcess first = TunaProcess.Start(work.Root, [.. Sample, "--out", "s.jsonl"]);
        Assert.True(await first.KillWhenAsync(() => LineCount(work["s.jsonl.journal"]) >= 3));
        int before = LineCount(work["s.jsonl.journal"]);
        Assert.False(File.Exists(work["s.jsonl"]));

        JsonElement result = (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl", "--json"])).Expect(0).Json;

        Assert.Equal(before, result.GetProperty("rows_before").GetInt32());
        Assert.Equal(work.Text("whole.jsonl"), work.Text("s.jsonl"));
    }

    [Fact]
    public async Task Sample_OtherSettingsOnTheSameOutput_AreRefused()
    {
        using Workspace work = await new Workspace().WithInstructions(2).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl"])).Expect(0);
        string before = work.Text("s.jsonl");

        TunaRun run = (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl", "--temperature", "0.5"])).Expect(1);

        Assert.Contains("temperature was 1 and is now 0.5", run.Error, StringComparison.Ordinal);
        Assert.Equal(before, work.Text("s.jsonl"));
    }

    [Fact]
    public async Task Sample_MoreRowsLater_AsksOnlyForThose()
    {
        using Workspace work = await new Workspace().WithInstructions(2).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl"])).Expect(0);
        string[] before = work.Lines("s.jsonl");
        work.WithInstructions(4);

        JsonElement result = (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl", "--json"])).Expect(0).Json;

        Assert.Equal((4, 2), (result.GetProperty("rows").GetInt32(), result.GetProperty("rows_before").GetInt32()));
        Assert.Equal(before, work.Lines("s.jsonl")[..2]);
    }

    [Fact]
    public async Task Sample_PromptLongerThanTheContext_IsNamedAndDoesNotSpoilTheRest()
    {
        using Workspace work = await new Workspace().WithInstructions(2).WithModelAsync();
        await File.AppendAllTextAsync(work["data.jsonl"],
            new JsonObject { ["id"] = "huge", ["instruction"] = new string('x', 3000) }.ToJsonString() + "\n");

        (await TunaProcess.RunAsync(work.Root, [.. Sample, "--out", "s.jsonl"])).Expect(3);

        Assert.Equal(2, work.Lines("s.jsonl").Length);
        Assert.Equal("huge", Assert.Single(work.Rows("s.jsonl.failed.jsonl"))["id"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("sample", "--model", "-n", "2", "--max-new-tokens", "2")]
    [InlineData("generate", "--model", "--max-new-tokens", "2")]
    [InlineData("rank", "--judge")]
    public async Task Stage_ARowWithTheTemplatesMarker_IsNamedAndDoesNotSpoilTheRest(string stage, string modelOption, params string[] more)
    {
        using Workspace work = await new Workspace().WithModelAsync();
        await File.WriteAllLinesAsync(work["rows.jsonl"],
            new[] { "Name a fish.", "What does [INST] mean?",
            "Name a bird." }.Select((text, i) => $$"""{"id":"r{{i}}","instruction":"{{text}}","output":["a","b"],"score":[2,1]}"""));

        TunaRun run = (await TunaApp.RunAsync(
            [stage, modelOption, (stage == "rank" ? "policy:" : "") + work["model"], "--template", "llama2", "--data", work["rows.jsonl"],
            "--out", work["out.jsonl"], .. more])).Expect(3);

        Assert.Equal(["r0", "r2"], work.Rows("out.jsonl").Select(r => (string)r["id"]!));
        JsonNode failed = Assert.Single(work.Rows("out.jsonl.failed.jsonl"));
        Assert.Equal("r1", (string)failed["id"]!);
        Assert.Contains("[INST]", (string)failed["reason"]!, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", (string)failed["reason"]!, StringComparison.Ordinal);
        Assert.DoesNotContain("Parameter", (string)failed["reason"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sample_FromATeacherBehindAService_KeepsLogProbabilities_AndPaysOnce()
    {
        using Workspace work = new Workspace().WithInstructions(2);
        using var teacher = new LoopbackJudge((call, _) => new($"answer {call}", LogProbs: [-0.5, -1.25]));
        string[] line = ["sample", "--teacher", "openai:loopback", "--data", "data.jsonl", "--out", "t.jsonl", "--count", "2", "--parallel",
            "1", "-q"];

        (await TunaProcess.RunAsync(work.Root, teacher.Environment, line)).Expect(0);
        File.Delete(work["t.jsonl"]); // the calls stay, so that even a lost output costs nothing
        (await TunaProcess.RunAsync(work.Root, teacher.Environment, line)).Expect(0);

        Assert.Equal(4, teacher.Calls);
        JsonNode row = work.Rows("t.jsonl")[0];
        Assert.Equal([-1.75, -1.75], row["logprob"]!.AsArray().Select(p => p!.GetValue<double>()));
        Assert.Equal([2, 2], row["tokens"]!.AsArray().Select(p => p!.GetValue<int>()));
    }

    [Fact]
    public async Task Sample_TheTeachersServiceIsDown_StopsAfterSoManyRows_WithCode5()
    {
        using Workspace work = new Workspace().WithInstructions(300);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "sample", "--teacher", "completions:m", "--base-url", "http://127.0.0.1:9/v1",
            "--data", "data.jsonl", "--out", "s.jsonl", "--retries", "0", "-q")).Expect(5);

        Assert.Contains("64 rows in a row", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_AnswersOnce_AndGoesOnAfterAKill()
    {
        // Many rows: on a busy machine the kill comes late, and it must still come before the end.
        using Workspace work = await new Workspace().WithInstructions(2000).WithModelAsync();
        string[] line = ["generate", "--model", "model", "--data", "data.jsonl", "--max-new-tokens", "16", "--batch", "1", "--threads", "1",
            "-q", "--out"];
        (await TunaProcess.RunAsync(work.Root, [.. line, "whole.jsonl"])).Expect(0);
        using TunaProcess first = TunaProcess.Start(work.Root, [.. line, "g.jsonl"]);
        Assert.True(await first.KillWhenAsync(() => LineCount(work["g.jsonl.journal"]) >= 2));

        (await TunaProcess.RunAsync(work.Root, [.. line, "g.jsonl"])).Expect(0);

        Assert.Equal(work.Text("whole.jsonl"), work.Text("g.jsonl"));
        JsonNode row = work.Rows("g.jsonl")[0];
        Assert.Equal("It is 0.", row["reference"]!.GetValue<string>());
        Assert.Equal("model", row["generator"]!.GetValue<string>());
    }

    internal static int LineCount(string path)
    {
        if (!File.Exists(path))
            return 0;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        int lines = 0;
        for (int b; (b = stream.ReadByte()) >= 0;)
            lines += b == '\n' ? 1 : 0;
        return lines;
    }
}
