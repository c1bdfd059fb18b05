using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Recipes;

public class RecipeTests
{
    private const string Small = """
        {
          // a person's own recipe: comments are welcome
          "name": "small",
          "description": "Two stages, the second a sweep.",
          "parameters": { "data": { "value": null, "about": "Ranked rows." } },
          "stages": [
            { "name": "base", "run": "new", "with": { "out": "{work}/base", "size": "nano" } },
            { "name": "train", "run": "train", "each": { "lambda": [0, 1] },
              "with": { "model": "{work}/base", "data": "{data}", "lambda": "{lambda}", "out": "{work}/lambda-{lambda}", "batch": 2 } },
          ],
        }
        """;

    [Fact]
    public async Task Show_EveryRecipeThatComesAlong_IsWellFormedAndItsCommandsParse()
    {
        JsonElement list = (await TunaProcess.RunAsync(".", "recipe", "list", "--json")).Expect(0).Json;
        string[] names = [.. list.GetProperty("recipes").EnumerateArray().Select(r => r.GetProperty("name").GetString()!)];

        Assert.Superset(new HashSet<string> { "alpaca", "alpaca-mul", "tuna-p", "tuna-c", "tuna", "tuna-c-prm", "tuna-cp", "mix-tuna",
            "lambda-sweep", "data-sweep", "beta-by-nll" }, names.ToHashSet());
        await Task.WhenAll(names.Select(async name =>
        {
            JsonElement shown = (await TunaProcess.RunAsync(".", "recipe", "show", name, "--set", "data=d.jsonl", "--json")).Expect(0).Json;
            Assert.NotEmpty(shown.GetProperty("stages").EnumerateArray());
        }));
    }

    [Fact]
    public async Task Show_Tuna_HasThePapersSettings()
    {
        string text = (await TunaProcess.RunAsync(".", "recipe", "show", "tuna", "--work", "w", "--set", "data=d", "--set", "base=b",
            "--set", "teacherModel=t")).Expect(0).Output;
        string last = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];

        Assert.Equal(
            "tuna train --model w/tuna-p --data w/tuna-contextual.jsonl --out w/tuna --learning-rate 1e-6 --lambda 1.0 --margin 0.1 "
            + "--max-length 512 --batch 128 --seed 1", last.TrimEnd());
        Assert.Contains("--judge probabilistic --beta 1.3", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OwnRecipe_SkipsWhatIsFinished_AndRedoesWhatDependsOnAChange()
    {
        using Workspace work = new Workspace().WithRanked(2);
        await File.WriteAllTextAsync(work["small.json"], Small);
        string[] line = ["run", "small.json", "--work", "w", "--set", "data=ranked.jsonl", "-q"];

        (await TunaProcess.RunAsync(work.Root, line)).Expect(0);
        JsonElement again = Last(await TunaProcess.RunAsync(work.Root, [.. line, "--json"]));
        Assert.Equal((0, 3), (again.GetProperty("ran").GetInt32(), again.GetProperty("skipped").GetInt32()));
        Assert.True(File.Exists(work["w/lambda-0/model.safetensors"]) && File.Exists(work["w/lambda-1/model.safetensors"]));

        Directory.Delete(work["w/lambda-1"], recursive: true);
        JsonElement redone = Last(await TunaProcess.RunAsync(work.Root, [.. line, "--json"]));
        Assert.Equal((1, 2), (redone.GetProperty("ran").GetInt32(), redone.GetProperty("skipped").GetInt32()));
    }

    [Fact]
    public async Task Run_AParameterIsMissing_SaysWhichAndWhatItMeans()
    {
        using Workspace work = new();
        await File.WriteAllTextAsync(work["small.json"], Small);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "run", "small.json")).Expect(1);

        Assert.Contains("--set data=VALUE", run.Error, StringComparison.Ordinal);
        Assert.Contains("Ranked rows.", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"stages\"", "\"stagez\"", "stagez")]
    [InlineData("{work}/base\", \"size\"", "{wrok}/base\", \"size\"", "wrok")]
    public async Task Run_MistakeInTheFile_NamesIt(string right, string wrong, string said)
    {
        using Workspace work = new Workspace().WithRanked(1);
        await File.WriteAllTextAsync(work["small.json"], Small.Replace(right, wrong, StringComparison.Ordinal));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "run", "small.json", "--set", "data=ranked.jsonl")).Expect(1);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_AStageFails_StopsThere_WithItsExitCode()
    {
        using Workspace work = new Workspace().WithRanked(1, scores: false);
        await File.WriteAllTextAsync(work["small.json"], Small);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "run", "small.json", "--work", "w", "--set", "data=ranked.jsonl")).Expect(1);

        Assert.Contains("tuna rank", run.Error, StringComparison.Ordinal); // the stage's own advice
        Assert.Contains("stopped at stage train@lambda=0", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_AMistakeInTheLastStage_IsToldBeforeTheFirstOneRuns()
    {
        using Workspace work = new Workspace().WithRanked(2);
        await File.WriteAllTextAsync(work["small.json"], Small.Replace("\"batch\"", "\"bacth\"", StringComparison.Ordinal));

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "run", "small.json", "--work", "w", "--set", "data=ranked.jsonl")).Expect(1);

        Assert.Contains("Did you mean '--batch'?", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(work["w/base"]));
    }

    [Fact]
    public async Task Run_ARowThatIsTooLong_SaysHowToGoOnWithoutIt_AndDoes()
    {
        const string sampling = """
            { "name": "s", "description": "Samples.", "stages": [
              { "name": "base", "run": "new", "with": { "out": "{work}/base", "size": "nano" } },
              { "name": "samples", "run": "sample",
                "with": { "model": "{work}/base", "data": "data.jsonl", "out": "{work}/samples.jsonl", "max-new-tokens": 2 } } ] }
            """;
        using Workspace work = new Workspace().WithInstructions(3);
        await File.AppendAllTextAsync(work["data.jsonl"],
            $"{{\"id\": \"long\", \"instruction\": \"{new string('x', 3000)}\", \"output\": \"y\"}}\n");
        await File.WriteAllTextAsync(work["s.json"], sampling);
        string[] line = ["run", "s.json", "--work", "w"];

        TunaRun stopped = (await TunaProcess.RunAsync(work.Root, line)).Expect(3);
        TunaRun allowed = (await TunaProcess.RunAsync(work.Root, [.. line, "--allow-partial"])).Expect(0);

        Assert.Contains("--allow-partial", stopped.Output, StringComparison.Ordinal);
        Assert.Contains("samples.jsonl.failed.jsonl", allowed.Error, StringComparison.Ordinal);
        Assert.Equal(3, work.Lines("w/samples.jsonl").Length);
    }

    [Theory]
    [InlineData("beta-by-nll", "heldOut=held-out.jsonl", "beta-report.html")]
    [InlineData("tuna-c-prm", "judge=policy:model", "tuna-c-prm/model.safetensors")]
    [InlineData("rlhf", "judge=policy:model", "rlhf/round-3/model/model.safetensors")]
    [InlineData("tuna", "judge=policy:model", "tuna/model.safetensors")]
    [InlineData("tuna-cp", "judge=policy:model", "tuna-cp-52000/model.safetensors")]
    [InlineData("mix-tuna", "judge=policy:model", "mix-tuna-52000/model.safetensors")]
    public async Task Run_ARecipeOfThePaper_OnAFewRows_EndsWithItsOutput(string recipe, string own, string output)
    {
        using Workspace work = await new Workspace().WithInstructions(8).WithInstructions(3, "held-out.jsonl").WithModelAsync();
        string[] settings = ["data=data.jsonl", "base=model", "batch=4", "sftEpochs=1", "maxNewTokens=6", own,
            .. recipe is "tuna-c-prm" or "rlhf" ? [] : new[] { "teacherModel=model" }];

        (await TunaProcess.RunAsync(work.Root, ["run", recipe, "--work", "w", "-q", .. settings.SelectMany(s => new[] { "--set", s })]))
            .Expect(0);

        Assert.True(File.Exists(work[$"w/{output}"]));
    }

    [Fact]
    public async Task Run_TheTour_GoesFromARandomModelToAnEvaluation()
    {
        using Workspace work = new Workspace().WithInstructions(8);
        JsonElement result = Last((await TunaProcess.RunAsync(work.Root,
            "run", "tour", "--work", "w", "--set", "data=data.jsonl", "--set", "size=nano", "--set", "epochs=1", "--set", "rows=4", "--set",
                "maxNewTokens=6", "--json", "-q")).Expect(0));

        Assert.Equal(6, result.GetProperty("ran").GetInt32());
        Assert.Equal("nll", JsonNode.Parse(work.Text("w/tuned.nll.json"))!["benchmark"]!.GetValue<string>());
    }

    private static JsonElement Last(TunaRun run) =>
        JsonDocument.Parse(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]).RootElement.Clone();
}
