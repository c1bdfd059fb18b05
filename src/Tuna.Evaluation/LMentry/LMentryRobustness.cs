using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>LMentry's robustness: how little accuracy depends on what should not matter. Each number is 100 minus the largest gap, in
/// percent.</summary>
/// <remarks>Efrat, Honovich and Levy, "LMentry: A Language Model Benchmark of Elementary Language Tasks" (2022), section 4. Exact to the
/// official script, whose rounding is part of it.</remarks>
public sealed class LMentryRobustness
{
    private LMentryRobustness(Func<string, LMentryTaskResult> result)
    {
        ArgumentOrderByTask = [.. LMentryTasks.AnswerOrder.Select(task => (task, OfOrder(task)))];
        ArgumentContentByGroup = [.. LMentryTasks.ArgumentContentGroups.Select(group =>
            (group.Task, Of([.. group.Subsets.Select(Accuracy)])))];
        TemplateByTask = [.. LMentryTasks.Core.Select(task =>
            (task, Of([.. result(task).Templates.Select(template => template.Accuracy)])))];
        AdjacentByPair = [.. LMentryTasks.AdjacentPairs.SelectMany(kind => kind.Pairs)
            .Select(pair => (pair.First, pair.Second, OfPair(pair)))];
        AdjacentByKind = [.. LMentryTasks.AdjacentPairs.Select(kind =>
            (kind.Kind, PythonRounding.NumpyMean([.. kind.Pairs.Select(OfPair)])))];
        ArgumentOrder = PythonRounding.NumpyMean([.. ArgumentOrderByTask.Select(entry => entry.Robustness)]);
        ArgumentContent = PythonRounding.NumpyMean([.. ArgumentContentByGroup.Select(entry => entry.Robustness)]);
        Template = PythonRounding.NumpyMean([.. TemplateByTask.Select(entry => entry.Robustness)]);
        AdjacentTasks = PythonRounding.NumpyMean([.. AdjacentByPair.Select(entry => entry.Robustness)]);

        double Accuracy(string task) => result(task).Overall.Accuracy;
        double OfPair((string First, string Second) pair) => Of([Accuracy(pair.First), Accuracy(pair.Second)]);
        double OfOrder(string task) => result(task).AnswerOrder is { } order
            ? Of([order.AccuracyWhenFirst, order.AccuracyWhenSecond])
            : throw new InvalidOperationException($"Task '{task}' has examples whose answer_index is not 0 or 1; its robustness needs it.");
    }

    /// <summary>Per task, whether the answer comes first or second.</summary>
    public IReadOnlyList<(string Task, double Robustness)> ArgumentOrderByTask { get; }

    /// <summary>Per group of subsets with arguments of different difficulty.</summary>
    public IReadOnlyList<(string Task, double Robustness)> ArgumentContentByGroup { get; }

    /// <summary>Per task, the wording of the instruction.</summary>
    public IReadOnlyList<(string Task, double Robustness)> TemplateByTask { get; }

    /// <summary>Per pair of tasks that ask nearly the same.</summary>
    public IReadOnlyList<(string First, string Second, double Robustness)> AdjacentByPair { get; }

    /// <summary>The mean over the pairs of each kind.</summary>
    public IReadOnlyList<(string Kind, double Robustness)> AdjacentByKind { get; }

    /// <summary>Mean over the tasks.</summary>
    public double ArgumentOrder { get; }

    /// <summary>Mean over the groups.</summary>
    public double ArgumentContent { get; }

    /// <summary>Mean over the tasks.</summary>
    public double Template { get; }

    /// <summary>Mean over the pairs.</summary>
    public double AdjacentTasks { get; }

    /// <summary>The mean of the four, to 1 decimal: the number that accuracy is multiplied by.</summary>
    public double Overall => PythonRounding.NumpyRound1(
        PythonRounding.NumpyMean([ArgumentOrder, ArgumentContent, Template, AdjacentTasks]));

    /// <summary>100 minus the largest gap between any two accuracies.</summary>
    /// <param name="accuracies">Accuracies in percent.</param>
    public static double Of(ReadOnlySpan<double> accuracies)
    {
        double gap = 0;
        for (int i = 0; i < accuracies.Length; i++)
        {
            for (int j = i + 1; j < accuracies.Length; j++)
                gap = Math.Max(gap, Math.Abs(accuracies[i] - accuracies[j]));
        }

        return 100 - gap;
    }

    /// <summary>Computes the robustness from the results of all 41 tasks.</summary>
    internal static LMentryRobustness From(IReadOnlyDictionary<string, LMentryTaskResult> results) => new(task => results[task]);
}
