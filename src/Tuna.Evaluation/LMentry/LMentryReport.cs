using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>The result of a model on LMentry.</summary>
public sealed class LMentryReport
{
    /// <summary>Creates a report.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="tasks">Results of tasks, core or subset.</param>
    /// <param name="issues">What was wrong with the data or the predictions.</param>
    public LMentryReport(string model, IEnumerable<LMentryTaskResult> tasks, IReadOnlyList<string>? issues = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tasks);
        Model = model;
        Tasks = tasks.ToDictionary(task => task.Task, StringComparer.Ordinal);
        Issues = issues ?? [];
        MissingTasks = [.. LMentryTasks.All.Where(task => !Tasks.ContainsKey(task))];
        if (LMentryTasks.Core.All(Tasks.ContainsKey))
            Accuracy = PythonRounding.NumpyMean([.. LMentryTasks.Core.Select(task => Tasks[task].Overall.Accuracy)]);
        if (MissingTasks.Count == 0)
            Robustness = LMentryRobustness.From(Tasks);
    }

    /// <summary>The model's name.</summary>
    public string Model { get; }

    /// <summary>Results by task name.</summary>
    public IReadOnlyDictionary<string, LMentryTaskResult> Tasks { get; }

    /// <summary>What was wrong with the data or the predictions.</summary>
    public IReadOnlyList<string> Issues { get; }

    /// <summary>Tasks without a result.</summary>
    public IReadOnlyList<string> MissingTasks { get; }

    /// <summary>Mean accuracy over the 25 core tasks, in percent; null unless all were run.</summary>
    public double? Accuracy { get; }

    /// <summary>The robustness; null unless all 41 tasks were run.</summary>
    public LMentryRobustness? Robustness { get; }

    /// <summary>The LMentry score: accuracy x robustness / 100, the robustness rounded to 1 decimal before; null unless all 41 tasks were
    /// run.</summary>
    public double? Score => Accuracy * (Robustness?.Overall / 100);
}
