using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Evaluation.Reports;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Evaluation;

/// <summary>Result files as the tables of a report: all figures in one, then one for each part of a benchmark (its categories, its
/// tasks).</summary>
internal static class ResultTables
{
    private static readonly string[] Counts =
        ["rows", "tokens", "pairs", "instances", "tasks", "calls", "examples", "length_matched_pairs"];
    private static readonly string[] LowerIsBetter =
        ["nll_per_token", "nll_per_response", "perplexity", "losses", "errors", "cost", "cost_per_thousand_examples"];

    /// <summary>The tables; none without results.</summary>
    /// <exception cref="StageException">A figure of one model is there twice.</exception>
    public static IReadOnlyList<ComparisonTable> Of(IReadOnlyList<EvaluationResult> results)
    {
        if (results.Count == 0)
            return [];
        string[] models = [.. results.Select(r => r.Model).Distinct(StringComparer.Ordinal)];
        return
        [
            WithCharts(Table("Figures", models,
                results.SelectMany(r => r.Metrics.Select(m => new Figure(r.Model, r.Benchmark, m.Name, m.Value))))),
            .. results.SelectMany(Parts).GroupBy(part => part.Title)
                .Select(part => Table(part.Key, models, part.SelectMany(p => p.Figures))),
        ];
    }

    /// <summary>The best model by a rule METRIC:max or METRIC:min.</summary>
    public static (string Model, double Value) Best(ComparisonTable? figures, string rule)
    {
        string[] parts = rule.Split(':');
        if (parts.Length != 2 || parts[1] is not ("max" or "min"))
            throw new StageException($"--best {rule}: the form is METRIC:max or METRIC:min.", ExitCodes.Usage);
        int[] columns = [.. (figures?.Columns ?? []).Index()
            .Where(c => c.Item.Name == parts[0] || $"{c.Item.Group} {c.Item.Name}" == parts[0]).Select(c => c.Index)];
        if (columns.Length == 0)
            throw new StageException(
                $"--best {rule}: no result has the metric '{parts[0]}'. There are: "
                + $"{string.Join(", ", (figures?.Columns ?? []).Select(c => c.Name).Distinct())}.");
        if (columns.Length > 1)
            throw new StageException(
                $"--best {rule}: several benchmarks have the metric '{parts[0]}'. Name one: "
                + $"{string.Join(", ", columns.Select(c => $"'{figures!.Columns[c].Group} {parts[0]}:{parts[1]}'"))}.");
        var known = figures!.Rows.Where(row => row.Values[columns[0]] is not null)
            .Select(row => (row.Model, Value: row.Values[columns[0]]!.Value)).ToList();
        if (known.Count == 0)
            throw new StageException($"--best {rule}: no model has a value.");
        return parts[1] == "max" ? known.MaxBy(v => v.Value) : known.MinBy(v => v.Value);
    }

    // Details are objects of parts, each an object of figures of which the first is the score.
    private static IEnumerable<(string Title, IEnumerable<Figure> Figures)> Parts(EvaluationResult result) => result.Details
        .Where(d => d.Key != "intervals" && d.Value is JsonObject { Count: > 0 } parts
            && parts.All(p => p.Value is JsonObject { Count: > 0 } figures
            && figures.First().Value?.GetValueKind() == JsonValueKind.Number))
        .Select(d =>
        {
            var parts = (JsonObject)d.Value!;
            string score = ((JsonObject)parts.First().Value!).First().Key;
            return ($"{result.Benchmark} by {d.Key} ({score})",
                parts.Select(p => new Figure(result.Model, "", p.Key, ((JsonObject)p.Value!).First().Value!.GetValue<double>())));
        });

    private static ComparisonTable Table(string title, string[] models, IEnumerable<Figure> figures)
    {
        var values = new Dictionary<(string Group, string Name, string Model), double>();
        var columns = new List<(string Group, string Name)>();
        foreach (Figure figure in figures)
        {
            if (!columns.Contains((figure.Group, figure.Name)))
                columns.Add((figure.Group, figure.Name));
            if (!values.TryAdd((figure.Group, figure.Name, figure.Model), figure.Value))
                throw new StageException(
                    $"Two results give {figure.Group} {figure.Name} of {figure.Model}. Name the models apart with `tuna evaluate ... "
                    + $"--name`.");
        }

        return new ComparisonTable(
            title,
            [.. columns.Select(c => Column(c.Group, c.Name,
                [.. models.Select(m => values.GetValueOrDefault((c.Group, c.Name, m), double.NaN)).Where(double.IsFinite)]))],
            [.. models.Select(m => new ComparisonRow(m,
                [.. columns.Select(c => values.TryGetValue((c.Group, c.Name, m), out double v) && double.IsFinite(v)
                ? v : (double?)null)]))],
            models[0]);
    }

    private static ComparisonColumn Column(string group, string name, double[] values) => new(
        group,
        name,
        values.All(double.IsInteger) ? 0 : values.Any(v => Math.Abs(v) >= 10) ? 2 : 4,
        LowerIsBetter.Contains(name),
        !Counts.Contains(name));

    // A chart each, since figures of different kinds share no axis; a single bar would show nothing.
    private static ComparisonTable WithCharts(ComparisonTable table) => new(table.Title, table.Columns, table.Rows, table.Baseline)
    {
        Charts = [.. table.Columns.Index().Where(c => c.Item.Compared && table.Rows.Count(row => row.Values[c.Index] is not null) > 1)
            .Select(c => table.ToBars([c.Index], new() { Title = $"{c.Item.Group} {c.Item.Name}", Width = 420, Height = 300 }))],
    };

    private sealed record Figure(string Model, string Group, string Name, double Value);
}
