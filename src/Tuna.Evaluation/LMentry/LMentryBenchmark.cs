using System.Text.Json;
using Tuna.Data;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;

namespace Tuna.Evaluation.LMentry;

/// <summary>LMentry (Efrat, Honovich and Levy, 2022): 25 elementary tasks, and 16 subsets for robustness, from the user's copy of the
/// official data.</summary>
/// <remarks>Immutable and thread-safe. Scoring agrees with the official code verdict by verdict, its bugs included.</remarks>
public sealed class LMentryBenchmark
{
    /// <summary>Most new tokens of an answer in the official runs of local models.</summary>
    public const int DefaultMaxNewTokens = 50;

    private LMentryBenchmark(IReadOnlyList<LMentryTaskData> tasks, IReadOnlyList<string> issues)
    {
        Tasks = tasks;
        Issues = issues;
    }

    /// <summary>The tasks that could be read, in the official order.</summary>
    public IReadOnlyList<LMentryTaskData> Tasks { get; }

    /// <summary>Tasks and examples that could not be used, and why.</summary>
    public IReadOnlyList<string> Issues { get; }

    /// <summary>Reads the official data folder, a file <c>TASK.json</c> each.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tasks">Which tasks; all 41 when null.</param>
    /// <exception cref="DataFormatException">No task could be read, or a name is none of LMentry's.</exception>
    public static LMentryBenchmark Load(string folder, IReadOnlyList<string>? tasks = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (tasks?.FirstOrDefault(task => !LMentryTasks.All.Contains(task)) is { } unknown)
            throw new DataFormatException($"'{unknown}' is no task of LMentry; the tasks are {string.Join(", ", LMentryTasks.All)}.",
                DataPlace.Whole(folder));
        var issues = new List<string>();
        var read = new List<LMentryTaskData>();
        foreach (string task in LMentryTasks.All.Where(task => tasks is null || tasks.Contains(task)))
        {
            try
            {
                read.Add(LMentryTaskData.Load(task, Path.Combine(folder, task + ".json"), issues));
            }
            catch (Exception e) when (e is DataFormatException or IOException)
            {
                issues.Add(e.Message);
            }
        }

        if (read.Count == 0)
            throw new DataFormatException(
                $"no task of LMentry could be read. Give the folder with the official TASK.json files. {string.Join(' ', issues.Take(1))}",
                DataPlace.Whole(folder));
        return new LMentryBenchmark(read, issues);
    }

    /// <summary>The prompts of all examples; their ids are <c>TASK/ID</c>.</summary>
    /// <param name="template">Wraps the input as an instruction; null gives the input as it is.</param>
    /// <param name="maxNewTokens">Most new tokens of an answer.</param>
    public IReadOnlyList<EvaluationPrompt> Prompts(IPromptTemplate? template = null, int maxNewTokens = DefaultMaxNewTokens) =>
        [.. Tasks.SelectMany(task => task.Examples)
            .Select(example => EvaluationPrompt.Of(IdOf(example), example.Input, template, maxNewTokens))];

    /// <summary>Scores a model's predictions.</summary>
    /// <param name="predictions">Predictions with ids <c>TASK/ID</c>; a missing one is wrong.</param>
    /// <param name="model">The model's name.</param>
    /// <param name="truncate">Judge only what precedes the first line break, then the first full stop: the official setting for models that
    /// never stop by themselves.</param>
    /// <param name="cancellationToken">Stops between examples.</param>
    public LMentryReport Score(PredictionSet predictions, string model, bool truncate = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(model);
        List<string> issues = [.. Issues];
        string?[] texts = predictions.TextsOf([.. Tasks.SelectMany(task => task.Examples).Select(IdOf)], issues);
        var results = new List<LMentryTaskResult>(Tasks.Count);
        int at = 0;
        foreach (LMentryTaskData task in Tasks)
        {
            results.Add(Score(task, texts.AsMemory(at, task.Examples.Count), truncate, issues, cancellationToken));
            at += task.Examples.Count;
        }

        return new LMentryReport(model, results, issues);
    }

    // Nearly all of the time goes into making each example's patterns, so examples are scored side by side.
    private static LMentryTaskResult Score(LMentryTaskData task, ReadOnlyMemory<string?> texts, bool truncate, List<string> issues,
        CancellationToken cancellationToken)
    {
        var outcomes = new (LMentryOutcome? Outcome, string? Issue)[texts.Length];
        Parallel.For(0, texts.Length, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            LMentryExample example = task.Examples[i];
            try
            {
                LMentryVerdict? verdict = texts.Span[i] is { } text ? LMentryTasks.ScorerOf(example).Score(text, truncate) : null;
                outcomes[i] = (new LMentryOutcome(example.Template, verdict, example.AnswerIndex), null);
            }
            catch (DataFormatException e)
            {
                outcomes[i] = (null, e.Message);
            }
        });
        issues.AddRange(outcomes.Select(entry => entry.Issue).OfType<string>());
        return LMentryTaskResult.Of(task.Name, task.ExamplesPerTemplate, task.TemplateCount,
            [.. outcomes.Select(entry => entry.Outcome).OfType<LMentryOutcome>()]);
    }

    private static string IdOf(LMentryExample example) => $"{example.Task}/{example.Id}";
}

/// <summary>One task's data.</summary>
/// <param name="Name">The task's name.</param>
/// <param name="ExamplesPerTemplate">The setting by which accuracies divide.</param>
/// <param name="TemplateCount">Number of input templates.</param>
/// <param name="Examples">The examples, in the file's order.</param>
public sealed record LMentryTaskData(string Name, int ExamplesPerTemplate, int TemplateCount, IReadOnlyList<LMentryExample> Examples)
{
    internal static LMentryTaskData Load(string name, string path, List<string> issues)
    {
        DataPlace place = DataPlace.Whole(path);
        using JsonDocument document = JsonFile.Parse(path);
        JsonElement root = document.RootElement;
        JsonElement settings = JsonFile.Member(root, "settings", JsonValueKind.Object, place);
        int perTemplate = JsonFile.Int32(JsonFile.Member(settings, "num_examples_per_template", JsonValueKind.Number, place),
            "num_examples_per_template", place);
        int templates = JsonFile.Member(settings, "input_templates", JsonValueKind.Array, place).GetArrayLength();
        if (perTemplate < 1 || templates < 1)
            throw new DataFormatException("the settings promise no example.", place, "settings");
        var examples = new List<LMentryExample>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonProperty entry in JsonFile.Member(root, "examples", JsonValueKind.Object, place).EnumerateObject())
        {
            try
            {
                if (!ids.Add(entry.Name))
                    throw new DataFormatException("there is more than one example of this id; the first is used.", place, id: entry.Name);
                JsonElement metadata = JsonFile.Member(entry.Value, "metadata", JsonValueKind.Object, place, entry.Name);
                int template = JsonFile.Int32(JsonFile.Member(metadata, "template_id", JsonValueKind.Number, place, entry.Name),
                    "template_id", place, entry.Name);
                if ((uint)template >= (uint)templates)
                    throw new DataFormatException($"template {template} is outside the task's {templates} templates.", place, "template_id",
                        entry.Name);
                examples.Add(new LMentryExample(name, entry.Name,
                    JsonFile.Member(entry.Value, "input", JsonValueKind.String, place, entry.Name).GetString()!, template,
                    metadata.Clone()));
            }
            catch (DataFormatException e)
            {
                issues.Add(e.Message);
            }
        }

        return examples.Count > 0
            ? new LMentryTaskData(name, perTemplate, templates, examples)
            : throw new DataFormatException("the task has no example that can be used.", place, "examples");
    }
}
