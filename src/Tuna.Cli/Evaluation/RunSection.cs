using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Cli.Training;
using Tuna.Evaluation.Reports;

namespace Tuna.Cli.Evaluation;

/// <summary>A training run as a part of a report.</summary>
internal static class RunSection
{
    /// <param name="curve">The run.</param>
    /// <param name="results">All evaluations of the report; those of this model count.</param>
    public static ReportSection Of(TrainingCurve curve, IReadOnlyList<EvaluationResult> results) => new(curve.Model)
    {
        Notes = [.. Notes(curve)],
        Figures = [.. Measured(curve), .. WinRates(curve.Model, results)],
        Charts = curve.Charts(),
        Samples = curve.Samples,
        Lists = [.. Lists(curve.Record)],
    };

    private static IEnumerable<string> Notes(TrainingCurve curve)
    {
        yield return curve.Story + ".";
        if (curve.Record["facts"] is JsonObject facts && facts["best_by"] is { } by)
        {
            string ended = facts["stopped_early"]?.GetValue<bool>() == true ? "It ended early. " : "";
            yield return $"{ended}Best by {by} on the held-out rows: {Number(facts["best_value"])}, after step {facts["best_step"]}; the "
                + $"saved weights are the {(facts["saved"]?.GetValue<string>() == "best" ? "best" : "last")} ones.";
        }
        if (curve.Evaluations.Count == 0)
            yield return "Nothing was measured while it trained; --eval-every N adds the curves of held-out rows.";
        if (curve.Samples.Count == 0)
            yield return "No answers were taken; --samples N adds some from before and after training.";
    }

    private static IEnumerable<(string, string, string)> Measured(TrainingCurve curve)
    {
        JsonNode? facts = curve.Record["facts"];
        if (Outcome.Of(facts?["before"]) is { } before && Outcome.Of(facts?["after"]) is { } after)
        {
            string rows = $"{after.Rows} {(facts!["held_out_rows"]?.GetValue<int>() > 0 ? "held-out" : "training")} rows";
            if (before.InOrder is { } was && after.InOrder is { } now)
                yield return ($"pairs in the ranker's order, on {rows}", Percent(was), Percent(now));
            yield return ($"NLL of the answers per token, on {rows}", FigureText.Of(before.NllPerToken), FigureText.Of(after.NllPerToken));
        }
        if (facts?["pairwise_accuracy"] is { } accuracy)
            yield return ("pairs as the judge orders them, on held-out rows", "", Percent(accuracy.GetValue<double>()));
    }

    private static IEnumerable<(string, string, string)> WinRates(string model, IReadOnlyList<EvaluationResult> results) =>
        results.Where(r => r.Model == model).SelectMany(r => r.Metrics.Where(m => m.Name.EndsWith("win_rate", StringComparison.Ordinal))
            .Select(m => ($"{r.Benchmark}: {m.Name.Replace('_', ' ')}", "", Percent(m.Value))));

    private static IEnumerable<(string, IReadOnlyList<(string, string)>)> Lists(JsonObject record)
    {
        (string Key, string Heading)[] lists =
        [
            ("facts", "Figures of the run"), ("settings", "Settings that were given or have a default; files by their content"),
            ("versions", "Versions"),
        ];
        foreach ((string key, string heading) in lists)
        {
            (string, string)[] values = [.. (record[key] as JsonObject ?? [])
                .Where(p => p.Value is JsonValue && p.Value.ToString().Length > 0)
                .Select(p => (p.Key.Replace('_', ' '), Shown(p.Value!)))];
            if (values.Length > 0)
                yield return (heading, values);
        }
    }

    private static string Percent(double share) => share.ToString("P1", CultureInfo.InvariantCulture);

    private static string Shown(JsonNode value) =>
        value.GetValueKind() == System.Text.Json.JsonValueKind.Number ? Number(value) : value.ToString();

    private static string Number(JsonNode? value) => value?.GetValue<double>() switch
    {
        null => "-",
        { } number when number == Math.Floor(number) => number.ToString("N0", CultureInfo.InvariantCulture),
        { } number => FigureText.Of(number),
    };
}
