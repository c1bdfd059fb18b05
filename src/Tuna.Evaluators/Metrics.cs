using System.Globalization;
using Microsoft.Extensions.AI.Evaluation;

namespace Tuna.Evaluators;

/// <summary>What evaluators make metrics with: a value that a bound may judge, or none and the reason why.</summary>
internal static class Metrics
{
    /// <summary>A result without values. Evaluators do not throw because one answer cannot be measured: the error stands in every
    /// metric.</summary>
    public static EvaluationResult Failed(string problem, params IEnumerable<EvaluationMetric> empty)
    {
        var result = new EvaluationResult(empty);
        result.AddDiagnosticsToAllMetrics(EvaluationDiagnostic.Error(problem));
        return result;
    }

    /// <summary>Lets a metric say whether its value is at least, or at most, what is asked for.</summary>
    public static NumericMetric Judged(this NumericMetric metric, double? bound, bool atMost = false)
    {
        if (bound is not { } limit)
            return metric;
        bool passes = atMost ? metric.Value <= limit : metric.Value >= limit;
        string reason = string.Create(CultureInfo.InvariantCulture,
            $"{metric.Name} is {metric.Value:0.####}; {(atMost ? "at most" : "at least")} {limit:0.####} is asked for.");
        metric.Interpretation = new EvaluationMetricInterpretation(
            passes ? EvaluationRating.Good : EvaluationRating.Unacceptable, failed: !passes, reason);
        return metric;
    }

    /// <summary>Refuses a bound that no value meets or misses.</summary>
    public static double? Checked(double? bound, string name) =>
        bound is null || double.IsFinite(bound.Value) ? bound : throw new ArgumentOutOfRangeException(name, bound, "A bound is finite.");

    /// <summary>The context of a type, or null: of several the first.</summary>
    public static T? Context<T>(IEnumerable<EvaluationContext>? contexts)
        where T : EvaluationContext => contexts?.OfType<T>().FirstOrDefault();
}
