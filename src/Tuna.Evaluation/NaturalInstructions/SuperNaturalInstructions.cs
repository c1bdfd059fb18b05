using Tuna.Data;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;

namespace Tuna.Evaluation.NaturalInstructions;

/// <summary>Super-NaturalInstructions (Wang et al., 2022): the 119 English test tasks, 100 instances each, from the user's copy of the
/// data.</summary>
/// <remarks>Immutable and thread-safe. Prompts and scores agree with the official code; the paper reports ROUGE-L, 0- and 2-shot, decoded
/// greedily.</remarks>
public sealed class SuperNaturalInstructions
{
    private SuperNaturalInstructions(IReadOnlyList<NaturalTask> tasks, IReadOnlyList<string> issues)
    {
        Tasks = tasks;
        Issues = issues;
    }

    /// <summary>The tasks that could be read, in the split's order.</summary>
    public IReadOnlyList<NaturalTask> Tasks { get; }

    /// <summary>Tasks and instances that could not be used, and why.</summary>
    public IReadOnlyList<string> Issues { get; }

    /// <summary>Reads the official layout: <c>splits/default/test_tasks.txt</c> and <c>tasks/NAME.json</c>.</summary>
    /// <param name="folder">The folder that holds <c>splits</c> and <c>tasks</c>.</param>
    /// <param name="splitFile">A file with a task name a line; the default test split when null.</param>
    /// <param name="maxInstancesPerTask">How many instances of a task, from its first. Default 100, as in the official evaluation.</param>
    /// <exception cref="DataFormatException">There is no split file, or no task could be read.</exception>
    public static SuperNaturalInstructions Load(string folder, string? splitFile = null, int maxInstancesPerTask = 100)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        splitFile ??= Path.Combine(folder, "splits", "default", "test_tasks.txt");
        if (!File.Exists(splitFile))
            throw new DataFormatException(
                "there is no such file. Give the folder that holds splits/ and tasks/, or a split file of your own.",
                DataPlace.Whole(splitFile));
        string[] names = [.. File.ReadLines(splitFile).Select(line => line.Trim()).Where(line => line.Length > 0)];
        var issues = new List<string>();
        issues.AddRange(names.CountBy(name => name).Where(name => name.Value > 1)
            .Select(name => $"{splitFile}: task '{name.Key}' stands there {name.Value} times; it is used once."));
        string PathOf(string name) => Path.Combine(folder, "tasks", name + ".json");
        string[] absent = [.. names.Distinct().Where(name => !File.Exists(PathOf(name)))];
        if (absent.Length > 0)
            issues.Add(
                $"{Path.Combine(folder, "tasks")}: {absent.Length} of {names.Length} tasks of the split have no file: "
                + $"{string.Join(", ", absent)}.");

        var tasks = new List<NaturalTask>();
        foreach (string name in names.Distinct().Except(absent))
        {
            try
            {
                tasks.Add(NaturalTask.Load(PathOf(name), maxInstancesPerTask, issues));
            }
            catch (DataFormatException e)
            {
                issues.Add(e.Message);
            }
        }

        return tasks.Count > 0
            ? new SuperNaturalInstructions(WithUniqueIds(tasks, issues), issues)
            : throw new DataFormatException($"no task of the split could be read. {issues[0]}", DataPlace.Whole(splitFile));
    }

    /// <summary>The prompts of all instances.</summary>
    /// <param name="settings">What they hold, such as <see cref="NaturalPromptSettings.TwoShot"/>.</param>
    /// <param name="tokens">Measures them; null leaves them unlimited.</param>
    /// <param name="template">Wraps each as an instruction, for instance Alpaca's; null gives it as it is.</param>
    public IEnumerable<EvaluationPrompt> Prompts(NaturalPromptSettings settings, ISourceTokens? tokens = null,
        IPromptTemplate? template = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        foreach (NaturalTask task in Tasks)
        {
            foreach (NaturalInstance instance in task.Instances)
            {
                string prompt = NaturalPrompt.Format(task, instance.Input, settings, tokens);
                yield return EvaluationPrompt.Of(instance.Id, prompt, template, settings.MaxNewTokens);
            }
        }
    }

    /// <summary>Scores a model's predictions.</summary>
    /// <param name="predictions">Predictions by instance id; a missing one counts as the empty text.</param>
    /// <param name="model">The model's name.</param>
    /// <param name="cancellationToken">Stops between tasks.</param>
    public NaturalReport Score(PredictionSet predictions, string model, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(model);
        List<string> issues = [.. Issues];
        string?[] texts = predictions.TextsOf([.. Tasks.SelectMany(task => task.Instances).Select(instance => instance.Id)], issues);
        var all = new List<NaturalScore>(texts.Length);
        var byId = new Dictionary<string, NaturalScore>(texts.Length, StringComparer.Ordinal);
        var byTask = new List<NaturalMean>(Tasks.Count);
        var byCategory = new Dictionary<string, List<NaturalScore>>(StringComparer.Ordinal);
        foreach (NaturalTask task in Tasks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            NaturalScore[] scores = [.. task.Instances.Select((instance, i) => byId[instance.Id] =
                NaturalScorer.Score(texts[all.Count + i] ?? "", instance.References))];
            all.AddRange(scores);
            byTask.Add(NaturalMean.Of(task.Name, scores));
            if (!byCategory.TryGetValue(task.Category, out List<NaturalScore>? category))
                byCategory[task.Category] = category = [];
            category.AddRange(scores);
        }

        return new NaturalReport(model, NaturalMean.Of("overall", all),
            [.. byCategory.Select(entry => NaturalMean.Of(entry.Key, entry.Value))], byTask, byId, issues);
    }

    private static List<NaturalTask> WithUniqueIds(List<NaturalTask> tasks, List<string> issues)
    {
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        var kept = new List<NaturalTask>(tasks.Count);
        foreach (NaturalTask task in tasks)
        {
            NaturalInstance[] own = [.. task.Instances.Where(instance => seen.TryAdd(instance.Id, task.Name))];
            foreach (NaturalInstance repeated in task.Instances.Except(own))
                issues.Add($"task '{task.Name}', id '{repeated.Id}': task '{seen[repeated.Id]}' has this id too; the first is used.");
            if (own.Length > 0)
                kept.Add(task with { Instances = own });
        }

        return kept;
    }
}
