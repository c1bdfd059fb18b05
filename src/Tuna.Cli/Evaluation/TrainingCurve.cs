using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Evaluation.Charts;
using Tuna.Training;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Training;

namespace Tuna.Cli.Evaluation;

/// <summary>What a training run showed, read from its model's folder.</summary>
internal sealed record TrainingCurve(string Model, IReadOnlyList<TrainingStep> Steps)
{
    public IReadOnlyList<TrainingEvaluation> Evaluations { get; init; } = [];

    /// <summary>The model's record: settings, facts, versions.</summary>
    public JsonObject Record { get; init; } = [];

    /// <summary>Prompts with the answers before and after training.</summary>
    public IReadOnlyList<(string Prompt, string Before, string After)> Samples { get; init; } = [];

    public static TrainingCurve Read(string folder)
    {
        string file = Path.Combine(folder, ModelRecord.MetricsName);
        if (!File.Exists(file))
            throw new StageException($"{folder} holds no {ModelRecord.MetricsName}: it was not trained by this program.");
        (IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations) = TrainingResult.ReadMetrics(file);
        return new(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), [.. steps.Where(s => s.Skipped is null)])
        {
            Evaluations = evaluations,
            Record = ModelRecord.All(folder),
            Samples = ReadSamples(Path.Combine(folder, SampleTaker.FileName)),
        };
    }

    /// <summary>The run in a sentence.</summary>
    public string Story
    {
        get
        {
            if (Steps.Count == 0)
                return "No steps";
            TrainingStep first = Steps[0], last = Steps[^1];
            string pairs = last.PairAccuracy is { } p
                ? string.Create(CultureInfo.InvariantCulture, $", pairs in order {first.PairAccuracy:P0} -> {p:P0}") : "";
            return $"{Steps.Count} steps, loss {FigureText.Of(first.Loss)} -> {FigureText.Of(last.Loss)}{pairs}";
        }
    }

    /// <summary>Loss, and the share of pairs in order where there are pairs, of several runs.</summary>
    public static IReadOnlyList<string> Charts(IReadOnlyList<TrainingCurve> curves) =>
        [.. Chart("Training: loss", "loss", curves.Select(c => c.Of(c.Model, s => s.Loss))),
         .. Chart("Training: share of pairs in order", "share of pairs in order", curves.Select(c => c.Of(c.Model, s => s.PairAccuracy)))];

    /// <summary>All curves of this run, those of the held-out rows in the same charts.</summary>
    public IReadOnlyList<string> Charts() =>
    [
        .. Chart("Loss", "loss, nats", [Of("training", s => s.Loss), OfHeldOut(HeldOutRows.Loss)]),
        .. Chart("Pairs in the ranker's order", "share of pairs",
            [Of("training", s => s.PairAccuracy), OfHeldOut(HeldOutRows.PairAccuracy)]),
        .. Chart("Negative log-likelihood of the answers, held-out rows", "nats per token", [OfHeldOut(HeldOutRows.Nll)]),
        .. Chart("Norm of the gradient before clipping", "norm", [Of("training", s => s.GradientNorm)]),
        .. Chart("Learning rate", "learning rate", [Of("training", s => s.LearningRate)]),
    ];

    private ChartSeries Of(string name, Func<TrainingStep, double?> value)
    {
        TrainingStep[] steps = [.. Steps.Where(s => value(s) is { } v && double.IsFinite(v))];
        return new(name, [.. steps.Select(s => (double)s.Step)], [.. steps.Select(s => value(s)!.Value)]);
    }

    private ChartSeries OfHeldOut(string metric)
    {
        TrainingEvaluation[] measured = [.. Evaluations.Where(e => e.Evaluation.TryGetValue(metric, out double v) && double.IsFinite(v))];
        return new("held-out rows", [.. measured.Select(e => (double)e.Step)], [.. measured.Select(e => e.Evaluation[metric])]);
    }

    private static IEnumerable<string> Chart(string title, string yTitle, IEnumerable<ChartSeries> curves)
    {
        ChartSeries[] series = [.. curves.Where(c => c.X.Count > 0)];
        if (series.Length > 0)
        {
            var layout = new ChartLayout { Title = title, XTitle = "step", YTitle = yTitle, Width = 556, Height = 320 };
            yield return SvgChart.Line(layout, series);
        }
    }

    private static (string, string, string)[] ReadSamples(string file)
    {
        try
        {
            return !File.Exists(file) ? [] : [.. File.ReadLines(file).Select(line => JsonNode.Parse(line)!)
                .Select(s => (s["prompt"]!.GetValue<string>(), s["before"]!.GetValue<string>(), s["after"]!.GetValue<string>()))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new StageException($"{file} is damaged: {e.Message}", inner: e);
        }
    }
}
