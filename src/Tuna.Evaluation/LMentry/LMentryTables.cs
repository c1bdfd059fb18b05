using System.Globalization;
using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>The tables of LMentry's official analysis, cell by cell as its CSV files hold them. Every report has all 41 tasks.</summary>
public static class LMentryTables
{
    private static readonly string[] s_templates = ["t0", "t1", "t2"], s_orders = ["acc ans is w1", "acc when ans is w2"];

    /// <summary>A row per task, a column per model.</summary>
    public static IReadOnlyList<string[]> AccuracyPerTask(IReadOnlyList<LMentryReport> models) =>
    [
        ["task", .. Complete(models).Select(model => model.Model)],
        .. LMentryTasks.All.Select(task => (string[])[task, .. models.Select(model => Float(model.Tasks[task].Overall.Accuracy))]),
    ];

    /// <summary>A row per task, a column per model and template.</summary>
    public static IReadOnlyList<string[]> AccuracyPerTemplate(IReadOnlyList<LMentryReport> models) =>
    [
        ["task", .. Complete(models).SelectMany(model => Enumerable.Repeat(model.Model, 3))],
        ["", .. models.SelectMany(_ => s_templates)],
        .. LMentryTasks.All.Select(task =>
            (string[])[task, .. models.SelectMany(model => model.Tasks[task].Templates.Select(template => Float(template.Accuracy)))]),
    ];

    /// <summary>A row per model: score, accuracy, robustness.</summary>
    public static IReadOnlyList<string[]> Scores(IReadOnlyList<LMentryReport> models) =>
    [
        ["", "LMentry Score", "Accuracy", "Robustness"],
        .. Complete(models).Select(model =>
            (string[])[model.Model, Rounded(model.Score!.Value), Rounded(model.Accuracy!.Value), Rounded(model.Robustness!.Overall)]),
    ];

    /// <summary>A row per model: the mean robustness and its four parts, on request the kinds of adjacent tasks too.</summary>
    public static IReadOnlyList<string[]> Robustness(IReadOnlyList<LMentryReport> models, bool adjacentKinds = false) =>
    [
        ["", "mean", "argument_order", "argument_content", "template", "adjacent_tasks", .. adjacentKinds
            ? LMentryTasks.AdjacentPairs.Select(kind => kind.Kind) : []],
        .. Complete(models).Select(model => RobustnessRow(model.Model, model.Robustness!, adjacentKinds)),
    ];

    /// <summary>A row per model, two columns per task: accuracy with the answer first and second.</summary>
    public static IReadOnlyList<string[]> ArgumentOrder(IReadOnlyList<LMentryReport> models) =>
    [
        ["", .. LMentryTasks.AnswerOrder.SelectMany(task => new[] { task, task })],
        ["", .. LMentryTasks.AnswerOrder.SelectMany(_ => s_orders)],
        .. Complete(models).Select(model =>
            (string[])[model.Model, .. LMentryTasks.AnswerOrder.SelectMany(task => Cells(model.Tasks[task].AnswerOrder!))]),
    ];

    /// <summary>A row per core task, a column per model.</summary>
    public static IReadOnlyList<string[]> TemplateRobustness(IReadOnlyList<LMentryReport> models) =>
    [
        ["", .. Complete(models).Select(model => model.Model)],
        .. LMentryTasks.Core.Select((task, i) =>
            (string[])[task, .. models.Select(model => TemplateCell(model.Robustness!.TemplateByTask[i].Robustness))]),
    ];

    // The mean is taken of the four rounded numbers.
    private static string[] RobustnessRow(string model, LMentryRobustness robustness, bool adjacentKinds)
    {
        double[] parts = [.. new[] { robustness.ArgumentOrder, robustness.ArgumentContent, robustness.Template,
            robustness.AdjacentTasks }.Select(PythonRounding.NumpyRound1)];
        return [model, Rounded((parts[0] + parts[1] + parts[2] + parts[3]) / 4), .. parts.Select(Float), .. adjacentKinds
            ? robustness.AdjacentByKind.Select(kind => Rounded(kind.Robustness)) : []];
    }

    // Python keeps the integers 0 and 100 where nothing was divided or no gap was found, and prints them without a decimal.
    private static string[] Cells(LMentryAnswerOrder order) =>
    [
        order.Correct.First == 0 ? "0" : Float(PythonRounding.Round(order.AccuracyWhenFirst, 1)),
        order.Correct.Second == 0 ? "0" : Float(PythonRounding.Round(order.AccuracyWhenSecond, 1)),
    ];

    private static string TemplateCell(double robustness) => robustness == 100 ? "100" : Float(PythonRounding.Round(robustness, 1));

    private static string Rounded(double value) => Float(PythonRounding.NumpyRound1(value));

    private static string Float(double value) => value.ToString(value == Math.Truncate(value) ? "0.0" : "R", CultureInfo.InvariantCulture);

    private static IReadOnlyList<LMentryReport> Complete(IReadOnlyList<LMentryReport> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        return models.FirstOrDefault(model => model.MissingTasks.Count > 0) is { } model
            ? throw new ArgumentException(
                $"Model '{model.Model}' lacks the tasks {string.Join(", ", model.MissingTasks)}; the official tables need all.",
                nameof(models))
            : models;
    }
}
