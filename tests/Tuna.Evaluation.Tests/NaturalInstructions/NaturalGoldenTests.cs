using System.Text.Json;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Predictions;
using Tuna.Testing;
using Tuna.Tokenizers;

namespace Tuna.Evaluation.Tests.NaturalInstructions;

/// <summary>Agreement with the official code: on real tasks where they are at hand (their sources' licenses vary), and on our
/// own.</summary>
public class NaturalGoldenTests
{
    private const string Reason =
        "superni.json and the tasks it is about are not in the repository; set TUNA_GOLDEN to a folder that has the file and, beside it, "
        + "data/natural-instructions.";

    // All numbers are rounded to 4 decimals by the official script, so they are compared exactly; single scores may differ in the last bit.
    private const double OneBit = 1e-15;

    private static string GoldenPath => GoldenData.FilePath("superni.json");

    private static string DataFolder =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(GoldenData.Root))!, "data", "natural-instructions");

    [Fact]
    public void Format_OwnTasks_AgreesWithOfficialCode()
    {
        JsonElement golden = OwnGolden();
        foreach (JsonElement c in golden.GetProperty("cases").EnumerateArray())
        {
            JsonElement task = c.GetProperty("task");
            var parsed = new NaturalTask(
                task.GetProperty("Task").GetString()!, "none", task.GetProperty("Definition")[0].GetString()!,
                Examples(task.GetProperty("Positive Examples")), Examples(task.GetProperty("Negative Examples")), []);
            NaturalPromptSettings settings = Settings(golden.GetProperty("settings").GetProperty(c.GetProperty("setting").GetString()!))
                with { MaxSourceTokens = c.GetProperty("max_source_length").GetInt32() };
            Assert.Equal(c.GetProperty("prompt").GetString(),
                NaturalPrompt.Format(parsed, c.GetProperty("input").GetString()!, settings, new WhitespaceTokens()));
        }
    }

    [Fact]
    public void Score_OwnPairs_AgreesWithOfficialExactMatch()
    {
        foreach (JsonElement pair in OwnGolden().GetProperty("exact_match").EnumerateArray())
        {
            string prediction = pair.GetProperty("prediction").GetString()!;
            Assert.Equal(pair.GetProperty("normalized_prediction").GetString(), NaturalScorer.Normalize(prediction));
            Assert.Equal(pair.GetProperty("exact_match").GetInt32() == 1,
                NaturalScorer.Score(prediction, Strings(pair.GetProperty("references"))).ExactMatch);
        }
    }

    [SkippableFact]
    public void Prompts_RealTasks_AreByteForByteOfficial()
    {
        JsonElement prompts = Golden().GetProperty("prompts");
        Dictionary<string, NaturalTask> tasks = Tasks();
        foreach (JsonElement c in prompts.GetProperty("cases").EnumerateArray())
            Assert.Equal(c.GetProperty("prompt").GetString(), Format(c, tasks, prompts, tokens: null));

        JsonElement special = prompts.GetProperty("special");
        foreach (JsonElement c in special.GetProperty("cases").EnumerateArray())
        {
            JsonElement definition = c.GetProperty("definition");
            var task = new NaturalTask(
                special.GetProperty("task").GetString()!, "none",
                    (definition.ValueKind == JsonValueKind.Array ? definition[0] : definition).GetString()!,
                Examples(special.GetProperty("positive_examples")), Examples(special.GetProperty("negative_examples")), []);
            NaturalPromptSettings settings = Settings(prompts.GetProperty("settings").GetProperty(c.GetProperty("setting").GetString()!));
            Assert.Equal(c.GetProperty("prompt").GetString(), NaturalPrompt.Format(task, c.GetProperty("input").GetString()!, settings));
        }
    }

    [SkippableTheory]
    [InlineData("whitespace")]
    [InlineData("llama2")]
    public void Prompts_LimitedLength_AreByteForByteOfficial(string tokenizer)
    {
        JsonElement prompts = Golden().GetProperty("prompts");
        string model = GoldenData.FilePath("..", "data", "llama2_tokenizer.model");
        Skip.If(tokenizer == "llama2" && !File.Exists(model),
            "The real LLaMA 2 tokenizer may not be redistributed: set TUNA_GOLDEN to a folder beside data/llama2_tokenizer.model.");
        ISourceTokens tokens = tokenizer == "llama2" ? new ModelSourceTokens(HuggingFaceTokenizer.LoadFile(model)) : new WhitespaceTokens();
        Dictionary<string, NaturalTask> tasks = Tasks();
        int compared = 0;
        foreach (JsonElement c in prompts.GetProperty("truncated").EnumerateArray()
            .Where(c => c.GetProperty("tokenizer").GetString() == tokenizer))
        {
            string prompt = Format(c, tasks, prompts, tokens);
            Assert.Equal(c.GetProperty("prompt").GetString(), prompt);
            compared++;
        }

        Assert.NotEqual(0, compared);
    }

    [SkippableFact]
    public void Score_RealTasks_EveryNumberIsOfficial()
    {
        JsonElement scores = Golden().GetProperty("scores");
        foreach (JsonElement pair in scores.GetProperty("pairs").EnumerateArray())
            AssertScore(pair, NaturalScorer.Score(pair.GetProperty("prediction").GetString()!, Strings(pair.GetProperty("references"))));

        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(DataFolder);
        foreach (JsonProperty system in scores.GetProperty("systems").EnumerateObject())
        {
            JsonElement[] rows = [.. system.Value.GetProperty("predictions").EnumerateArray()];
            Prediction[] predictions =
                [.. rows.Select(row => new Prediction(row.GetProperty("id").GetString()!, row.GetProperty("prediction").GetString()!))];
            NaturalReport report = benchmark.Score(new PredictionSet(predictions), system.Name);
            foreach (JsonElement row in rows)
                AssertScore(row, report.Instances[row.GetProperty("id").GetString()!]);
            JsonElement metrics = system.Value.GetProperty("metrics");
            AssertMean(metrics.GetProperty("overall"), "", report.Overall);
            foreach (NaturalMean category in report.Categories)
                AssertMean(metrics.GetProperty("per_category"), "_for_" + string.Join('_', category.Name.ToLowerInvariant().Split(' ')),
                    category);
            foreach (NaturalMean task in report.Tasks)
                AssertMean(metrics.GetProperty("per_task"), "_for_" + task.Name, task);

            HashSet<string> missing = [.. Strings(system.Value.GetProperty("with_missing").GetProperty("missing_ids"))];
            NaturalReport less = benchmark.Score(new PredictionSet(predictions.Where(p => !missing.Contains(p.Id))), system.Name);
            JsonElement results = system.Value.GetProperty("with_missing").GetProperty("results");
            AssertMean(results, "_default_track", less.Overall);
            foreach (NaturalMean category in less.Categories)
                AssertMean(results, $"_for_{string.Join('_', category.Name.ToLowerInvariant().Split(' '))}_default_track", category);
            foreach (NaturalMean task in less.Tasks)
                AssertMean(results, $"_for_{task.Name}_default_track", task);
        }
    }

    private static string Format(JsonElement c, Dictionary<string, NaturalTask> tasks, JsonElement prompts, ISourceTokens? tokens)
    {
        NaturalTask task = tasks[c.GetProperty("task").GetString()!];
        NaturalPromptSettings settings = Settings(prompts.GetProperty("settings").GetProperty(c.GetProperty("setting").GetString()!));
        if (c.TryGetProperty("max_source_length", out JsonElement limit))
            settings = settings with { MaxSourceTokens = limit.GetInt32() };
        return NaturalPrompt.Format(task, task.Instances[c.GetProperty("index").GetInt32()].Input, settings, tokens);
    }

    private static void AssertScore(JsonElement expected, NaturalScore actual)
    {
        Assert.Equal(expected.GetProperty("exact_match").GetInt32() == 1, actual.ExactMatch);
        Assert.Equal(expected.GetProperty("rougeL").GetDouble(), actual.RougeL, OneBit);
    }

    private static void AssertMean(JsonElement expected, string suffix, NaturalMean actual)
    {
        Assert.Equal(expected.GetProperty("exact_match" + suffix).GetDouble(), actual.ExactMatch);
        Assert.Equal(expected.GetProperty("rougeL" + suffix).GetDouble(), actual.RougeL);
    }

    private static NaturalPromptSettings Settings(JsonElement s) => new()
    {
        TaskName = Flag(s, "add_task_name", false),
        Definition = Flag(s, "add_task_definition", true),
        PositiveExamples = s.TryGetProperty("num_pos_examples", out JsonElement positive) ? positive.GetInt32() : 0,
        NegativeExamples = s.TryGetProperty("num_neg_examples", out JsonElement negative) ? negative.GetInt32() : 0,
        Explanations = Flag(s, "add_explanation", false),
    };

    private static bool Flag(JsonElement s, string name, bool otherwise) =>
        s.TryGetProperty(name, out JsonElement value) ? value.GetBoolean() : otherwise;

    private static NaturalExample[] Examples(JsonElement list) =>
    [
        .. list.EnumerateArray().Select(e => new NaturalExample(
            e.GetProperty("input").GetString()!, e.GetProperty("output").GetString()!, e.TryGetProperty("explanation", out JsonElement text)
                ? text.GetString() : null)),
    ];

    private static JsonElement Golden()
    {
        Skip.IfNot(File.Exists(GoldenPath) && Directory.Exists(DataFolder), Reason);
        return GoldenData.Json("superni.json");
    }

    private static JsonElement OwnGolden()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(OwnData.FilePath("superni_own.json")));
        return document.RootElement.Clone();
    }

    private static Dictionary<string, NaturalTask> Tasks() =>
        SuperNaturalInstructions.Load(DataFolder).Tasks.ToDictionary(task => task.Name);

    private static string[] Strings(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetString()!)];
}
