using System.Text.Json.Nodes;
using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Rounds;

/// <summary>The recipe, several times over.</summary>
public class RoundsTests
{
    private static readonly string[] Small =
        ["rounds", "--model", "model", "--data", "data.jsonl", "--sample", "max-new-tokens=8", "trials=1", "--train", "batch=4", "lr=0.001",
        "--threads", "1", "-q"];

    [Fact]
    public async Task Rounds_Two_EachStartsFromThePolicyBefore_AndTheReportSaysWhatItTookAndGave()
    {
        using Workspace work = await new Workspace().WithInstructions(16).WithModelAsync();
        string[] line = [.. Small, "--judge", "policy:model", "--held-out", "0.3", "--rounds", "2", "--out", "w"];

        TunaRun run = (await TunaProcess.RunAsync(work.Root, line)).Expect(0);

        JsonNode report = JsonNode.Parse(work.Text("w/rounds.json"))!;
        JsonNode[] rounds = [.. report["rounds"]!.AsArray()!];
        Assert.Equal(2, rounds.Length);
        foreach ((int i, JsonNode round) in rounds.Index())
        {
            Assert.Equal(16, round["rows"]!.GetValue<int>());
            Assert.Equal(64, round["responses"]!.GetValue<int>());
            Assert.True(round["measured_rows_held_out"]!.GetValue<bool>());
            JsonNode answers = round["answers"]!;
            Assert.Equal(work.Lines("w/held-out.jsonl").Length, answers["rows"]!.GetValue<int>());
            Assert.Equal(answers["rows"]!.GetValue<int>(),
                answers["wins"]!.GetValue<int>() + answers["ties"]!.GetValue<int>() + answers["losses"]!.GetValue<int>());
            Assert.Equal(Mean(work, $"w/round-{i + 1}/ranked.jsonl"), round["mean_score"]!.GetValue<double>(), 1e-9);
        }

        // The second round begins where the first one ended, and draws anew.
        Assert.Equal(rounds[0]["after"]!["nll_per_token"]!.GetValue<double>(),
            rounds[1]["before"]!["nll_per_token"]!.GetValue<double>(), 1e-6);
        Assert.NotEqual(work.Text("w/round-1/samples.jsonl"), work.Text("w/round-2/samples.jsonl"));
        Assert.NotEqual(work.Weights("w/round-1/model"), work.Weights("w/round-2/model"));
        Assert.Contains("Policies: gains", run.Output, StringComparison.Ordinal);
        Assert.Contains("<svg", work.Text("w/report.html"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rounds_MoreOfThemLater_GoOn_AndEndAsIfAllHadBeenAskedForAtOnce()
    {
        using Workspace work = await new Workspace().WithInstructions(10).WithModelAsync();
        string[] line = [.. Small, "--judge", "policy:model", "--objective", "gspo", "--json"];

        (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "whole", "--rounds", "2"])).Expect(0);
        (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "w", "--rounds", "1"])).Expect(0);
        JsonNode later = Last((await TunaProcess.RunAsync(work.Root, [.. line, "--out", "w", "--rounds", "2"])).Expect(0));
        JsonNode again = Last((await TunaProcess.RunAsync(work.Root, [.. line, "--out", "w", "--rounds", "2"])).Expect(0));

        Assert.Equal((3, 3), (later["ran"]!.GetValue<int>(), later["skipped"]!.GetValue<int>()));
        Assert.Equal(0, again["ran"]!.GetValue<int>());
        Assert.Equal(work.Weights("whole/round-2/model"), work.Weights("w/round-2/model"));
        Assert.Equal(work.Text("whole/rounds.json").Replace("whole", "w", StringComparison.Ordinal), work.Text("w/rounds.json"));
    }

    [Fact]
    public async Task Rounds_FrozenPolicy_IsTheFirstOneOrThatOfTheRoundBefore()
    {
        using Workspace work = await new Workspace().WithInstructions(6).WithModelAsync();
        string[] line = [.. Small[..^1], "--judge", "policy:model", "--rounds", "2"];

        TunaRun start = (await TunaProcess.RunAsync(work.Root, [.. line, "--objective", "rloo", "--out", "a"])).Expect(0);
        TunaRun previous = (await TunaProcess.RunAsync(work.Root,
            [.. line, "--objective", "rloo", "--reference-policy", "previous", "--out", "b"])).Expect(0);
        TunaRun without = (await TunaProcess.RunAsync(work.Root, [.. line, "--objective", "gspo", "--out", "c"])).Expect(0);

        Assert.Contains("scoring with the frozen policy, model", start.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("scoring with the frozen policy, b/round-1/model", start.Error, StringComparison.Ordinal);
        Assert.Contains("scoring with the frozen policy, b/round-1/model", previous.Error.Replace('\\', '/'), StringComparison.Ordinal);
        Assert.DoesNotContain("--reference-model", without.Error, StringComparison.Ordinal);
        Assert.NotEqual(work.Weights("a/round-2/model"), work.Weights("b/round-2/model"));
    }

    [Fact]
    public async Task Rounds_OnTheTorchEngine_AllStagesWithAModelRunThere()
    {
        if (OperatingSystem.IsWindows())
            return; // its loader needs longer than all the rest
        using Workspace work = await new Workspace().WithInstructions(6).WithModelAsync();

        TunaRun run = (await TunaProcess.RunAsync(work.Root, [.. Small[..^1], "--engine", "torch", "--judge", "policy:model", "--held-out",
            "0.4", "--objective", "gspo", "--rounds", "1", "--out", "w"])).Expect(0);

        string[] withModels = [.. run.Error.Split('\n').Where(l => l.Contains(": tuna ", StringComparison.Ordinal))];
        Assert.Equal(6, withModels.Length); // answers before, samples, ranking, training, answers, verdicts
        Assert.All(withModels, l => Assert.Contains("--engine torch", l, StringComparison.Ordinal));
        Assert.NotEqual(work.Weights("model"), work.Weights("w/round-1/model"));
    }

    [Fact]
    public async Task Rounds_WithRowsOfARound_GoThroughTheDataInTurns_HeldOutOnesInEach()
    {
        using Workspace work = await new Workspace().WithInstructions(12).WithModelAsync();

        (await TunaProcess.RunAsync(work.Root,
            [.. Small, "--judge", "policy:model", "--rows", "5", "--held-out", "0.2", "--rounds", "2", "--out", "w"])).Expect(0);

        string[] Ids(string file) => [.. work.Rows(file).Select(r => r["id"]!.GetValue<string>())];
        string[] heldOut = Ids("w/held-out.jsonl"), first = Ids("w/round-1/prompts.jsonl"), second = Ids("w/round-2/prompts.jsonl");
        Assert.NotEmpty(heldOut);
        Assert.Equal(heldOut, first[5..]);
        Assert.Equal(heldOut, second[5..]);
        Assert.Empty(first[..5].Intersect(heldOut));
        int trained = 12 - heldOut.Length;
        Assert.Equal(Math.Min(10, trained), first[..5].Union(second[..5]).Count()); // every prompt once before one comes twice
    }

    [Fact]
    public async Task Rounds_AServiceAsSamplerAndAsJudge_AreAskedWhereTheyAre_ByNameOfTheRound()
    {
        using Workspace work = await new Workspace().WithInstructions(5).WithModelAsync();
        using var teacher = new LoopbackJudge((call, _) => new($"Answer {call}.", LogProbs: [-0.5, -0.25 * (call % 7)]));
        var key = new Dictionary<string, string> { ["OPENAI_API_KEY"] = "key", ["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1" };

        (await TunaProcess.RunAsync(work.Root, key, [.. Small[..^1], "-q", "--sampler", $"openai:policy-{{round}}@{teacher.Address}",
            "--judge", "probabilistic", "--budget-tokens", "1000000", "--rounds", "2", "--out", "w"])).Expect(0);

        Assert.Equal(40, teacher.Calls);
        Assert.Equal(20, teacher.Bodies.Count(b => b.Contains("\"policy-1\"", StringComparison.Ordinal)));
        Assert.Equal(20, teacher.Bodies.Count(b => b.Contains("\"policy-2\"", StringComparison.Ordinal)));
        JsonNode report = JsonNode.Parse(work.Text("w/rounds.json"))!;
        JsonNode second = report["rounds"]![1]!;
        Assert.Equal((20, 2000L, 400L), (second["calls"]!.GetValue<int>(), second["input_tokens"]!.GetValue<long>(),
            second["output_tokens"]!.GetValue<long>()));
        Assert.Equal(4800, report["input_tokens"]!.GetValue<long>() + report["output_tokens"]!.GetValue<long>());
    }

    [Theory]
    [InlineData("--budget-tokens", "4000", "100000")]
    [InlineData("--budget", "0.13", "5")]
    public async Task Rounds_TheBudget_CoversAllOfThem_AndALargerOneGoesOn(string option, string small, string large)
    {
        using Workspace work = await new Workspace().WithInstructions(8).WithModelAsync();
        using LoopbackJudge judge = LoopbackJudge.InOrder();
        string[] line = [.. Small, "--judge", $"openai:j@{judge.Address}", "--rank", "parallel=1", "price-input=10", "price-output=50",
            "--rounds", "2", "--out", "w"];

        TunaRun unbudgeted = (await TunaProcess.RunAsync(work.Root, judge.Environment, line)).Expect(ExitCodes.Usage);
        Assert.Equal(0, judge.Calls);
        // A call takes 120 tokens, and 2,048 with the length of its prompt are set aside for it: the budget ends in the second round.
        TunaRun broke = (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. line, option, small]))
            .Expect(ExitCodes.Budget);
        int paid = judge.Calls;
        (await TunaProcess.RunAsync(work.Root, judge.Environment, [.. line, option, large])).Expect(0);

        Assert.Contains("need a budget", unbudgeted.Error, StringComparison.Ordinal);
        Assert.Contains("round-2.ranking", broke.Error, StringComparison.Ordinal);
        Assert.InRange(paid, 8, 15);
        Assert.Equal(16, judge.Calls); // nothing is paid for twice
        JsonNode report = JsonNode.Parse(work.Text("w/rounds.json"))!;
        Assert.Equal(16, report["calls"]!.GetValue<int>());
        Assert.Contains("what was paid for", work.Text("w/report.html"), StringComparison.Ordinal);
        Assert.Equal(16 * ((100 * 10) + (20 * 50)) / 1e6, report["cost"]!.GetValue<double>(), 1e-12);
    }

    [Theory]
    [InlineData("--judge openai:", "--judge openai: is not understood")]
    [InlineData("--judge prm:p --sampler vllm:x", "--sampler vllm:x is not understood")]
    [InlineData("--judge openai:m@http:// --budget-tokens 9", "after the @ comes an address")]
    [InlineData("--judge policy:model --train learning-rat=1", "Did you mean '--learning-rate'?")]
    [InlineData("--judge policy:model --train out=x", "the rounds set out themselves")]
    [InlineData("--judge openai:m --budget 5", "give the prices of every service")]
    public async Task Rounds_ACommandLineThatCannotWork_IsRefusedBeforeAnythingRuns(string line, string said)
    {
        using Workspace work = await new Workspace().WithInstructions(3).WithModelAsync();

        TunaRun run = await TunaProcess.RunAsync(work.Root, [.. Small, .. line.Split(' '), "--out", "w"]);

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(work["w/round-1"]));
    }

    private static double Mean(Workspace work, string file) =>
        work.Rows(file).SelectMany(r => r["score"]!.AsArray()).Average(s => s!.GetValue<double>());

    private static JsonNode Last(TunaRun run) => JsonNode.Parse(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])!;
}
