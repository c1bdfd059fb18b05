using System.Globalization;
using Tuna.Evaluation.Charts;
using Tuna.Training;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Evaluation;

/// <summary>What a training run showed, read from its model's folder.</summary>
internal sealed record TrainingCurve(string Model, IReadOnlyList<TrainingStep> Steps)
{
    public static TrainingCurve Read(string folder)
    {
        string file = Path.Combine(folder, ModelRecord.MetricsName);
        if (!File.Exists(file))
            throw new StageException($"{folder} holds no {ModelRecord.MetricsName}: it was not trained by this program.");
        return new(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            [.. MetricsFile.Read(file).Steps.Where(s => s.Skipped is null)]);
    }

    /// <summary>The run in a sentence.</summary>
    public override string ToString()
    {
        if (Steps.Count == 0)
            return $"{Model}: no steps";
        TrainingStep first = Steps[0], last = Steps[^1];
        string pairs = last.PairAccuracy is { } p
            ? string.Create(CultureInfo.InvariantCulture, $", pairs in order {first.PairAccuracy:P0} -> {p:P0}") : "";
        return $"{Model}: {Steps.Count} steps, loss {FigureText.Of(first.Loss)} -> {FigureText.Of(last.Loss)}{pairs}";
    }

    /// <summary>Loss, and the share of pairs in order where there are pairs, of several runs.</summary>
    public static IReadOnlyList<string> Charts(IReadOnlyList<TrainingCurve> curves) =>
        [.. Chart(curves, "loss", s => s.Loss), .. Chart(curves, "share of pairs in order", s => s.PairAccuracy)];

    private static IEnumerable<string> Chart(IReadOnlyList<TrainingCurve> curves, string what, Func<TrainingStep, double?> value)
    {
        ChartSeries[] series = [.. curves
            .Select(c => (c.Model, Steps: c.Steps.Where(s => value(s) is { } v && double.IsFinite(v)).ToList()))
            .Where(c => c.Steps.Count > 0)
            .Select(c => new ChartSeries(c.Model, [.. c.Steps.Select(s => (double)s.Step)], [.. c.Steps.Select(s => value(s)!.Value)]))];
        if (series.Length > 0)
            yield return SvgChart.Line(new ChartLayout { Title = "Training: " + what, XTitle = "step", YTitle = what }, series);
    }
}
