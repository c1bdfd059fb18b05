using Microsoft.Extensions.AI.Evaluation;
using Tuna.Evaluation.Reports;
using Tuna.Evaluation.Statistics;

namespace Tuna.Evaluators;

/// <summary>What anybody's evaluator says of a model's answers: values for intervals and paired comparisons, means for report tables.
/// Immutable.</summary>
public sealed class EvaluatorScores
{
    private readonly Dictionary<string, double?[]> _values;

    private EvaluatorScores(string model, IReadOnlyList<EvaluatorCase> cases, IReadOnlyList<EvaluationResult> results)
    {
        Model = model;
        Ids = [.. cases.Select(item => item.Id)];
        Metrics = [.. results.SelectMany(result => result.Metrics.Values).Where(metric => metric is NumericMetric or BooleanMetric)
            .Select(metric => metric.Name).Distinct()];
        _values = Metrics.ToDictionary(name => name,
            name => results.Select(r => Value(r.TryGet(name, out EvaluationMetric? m) ? m : null)).ToArray());
        Failed = [.. Ids.Where((_, i) => results[i].Metrics.Values.Any(metric => metric.Interpretation?.Failed == true))];
        Issues = [.. results.SelectMany((result, i) => result.Metrics.Values
            .SelectMany(metric => metric.Diagnostics ?? []).Where(d => d.Severity != EvaluationDiagnosticSeverity.Informational)
            .Select(d => $"'{Ids[i]}': {d.Message}").Distinct())];
    }

    /// <summary>The model.</summary>
    public string Model { get; }

    /// <summary>The cases' ids, in their order.</summary>
    public IReadOnlyList<string> Ids { get; }

    /// <summary>The numeric and Boolean metrics that were found, in the order of their first appearance.</summary>
    public IReadOnlyList<string> Metrics { get; }

    /// <summary>The cases of which a metric's interpretation says that they failed.</summary>
    public IReadOnlyList<string> Failed { get; }

    /// <summary>Warnings and errors of the evaluator, by case.</summary>
    public IReadOnlyList<string> Issues { get; }

    /// <summary>Evaluates a model's answers.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="evaluator">The evaluator; <see cref="CompositeEvaluator"/> joins several. Thread-safe, unless
    /// <paramref name="parallel"/> is 1.</param>
    /// <param name="cases">The answers; their ids differ.</param>
    /// <param name="chat">The judge for evaluators that ask one.</param>
    /// <param name="parallel">Cases evaluated at once, at least 1. Default 8.</param>
    /// <param name="cancellationToken">Stops and throws.</param>
    /// <exception cref="ArgumentException">There is no case, or two have one id.</exception>
    public static async Task<EvaluatorScores> OfAsync(string model, IEvaluator evaluator, IReadOnlyList<EvaluatorCase> cases,
        ChatConfiguration? chat = null, int parallel = 8, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentNullException.ThrowIfNull(evaluator);
        ArgumentNullException.ThrowIfNull(cases);
        ArgumentOutOfRangeException.ThrowIfLessThan(parallel, 1);
        if (cases.Count == 0)
            throw new ArgumentException("There is no case to evaluate.", nameof(cases));
        if (cases.CountBy(item => item.Id).FirstOrDefault(id => id.Value > 1) is { Key: { } twice })
            throw new ArgumentException($"Two cases have the id '{twice}'.", nameof(cases));
        var results = new EvaluationResult[cases.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, cases.Count, options, async (i, token) => results[i] = await evaluator
            .EvaluateAsync(cases[i].Messages, cases[i].Response, chat, cases[i].Contexts, token).ConfigureAwait(false))
            .ConfigureAwait(false);
        return new EvaluatorScores(model, cases, results);
    }

    /// <summary>A metric's value of each case; null where it has none.</summary>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public IReadOnlyList<double?> Values(string metric) => _values.TryGetValue(metric, out double?[]? values)
        ? values : throw new ArgumentException($"There is no metric '{metric}'; there are {string.Join(", ", Metrics)}.", nameof(metric));

    /// <summary>The mean of a metric over the cases that have a value; null where none has.</summary>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public double? Mean(string metric) => Values(metric).Average();

    /// <summary>The mean with its interval, over the cases that have a value.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="samples">Resamples, at least 1.</param>
    /// <param name="seed">Seed of the resampling.</param>
    /// <exception cref="ArgumentException">There is no such metric, or no case has a value.</exception>
    public BootstrapInterval Interval(string metric, int samples = 1000, ulong seed = 0) =>
        Bootstrap.MeanInterval([.. Values(metric).OfType<double>()], samples, seed);

    /// <summary>Models side by side: the means of every metric, for a <see cref="ComparisonReport"/>.</summary>
    /// <param name="title">What the table shows.</param>
    /// <param name="models">The models, in the order shown; their names differ.</param>
    /// <param name="baseline">The model that the others are compared with; null for none.</param>
    /// <param name="lowerIsBetter">Metrics of which small values are good, such as <see cref="NllEvaluator.MetricName"/>.</param>
    /// <param name="decimals">Decimals shown, at least 0. Default 3.</param>
    /// <exception cref="ArgumentException">Two models have one name, or none has the baseline's.</exception>
    public static ComparisonTable Table(string title, IReadOnlyList<EvaluatorScores> models, string? baseline = null,
        IReadOnlyCollection<string>? lowerIsBetter = null, int decimals = 3)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentOutOfRangeException.ThrowIfNegative(decimals);
        string[] metrics = [.. models.SelectMany(scores => scores.Metrics).Distinct()];
        return new ComparisonTable(
            title,
            [.. metrics.Select(name => new ComparisonColumn("", name, decimals, lowerIsBetter?.Contains(name) == true))],
            [.. models.Select(scores => new ComparisonRow(scores.Model,
                [.. metrics.Select(name => scores.Metrics.Contains(name) ? scores.Mean(name) : null)]))],
            baseline);
    }

    private static double? Value(EvaluationMetric? metric) => metric switch
    {
        NumericMetric { Value: { } number } when double.IsFinite(number) => number,
        BooleanMetric { Value: { } flag } => flag ? 1 : 0,
        _ => null,
    };
}
