using Tuna.Evaluation.Vicuna;
using Tuna.Evaluation.Charts;

namespace Tuna.Evaluation.Reports;

/// <summary>The charts below the tables of models' results.</summary>
internal static class ComparisonCharts
{
    /// <summary>Scores that can be compared, and Vicuna QA's win rates with their intervals.</summary>
    public static IEnumerable<string> Overview(ComparisonTable table, IReadOnlyList<ModelResults> models)
    {
        int[] scores = [.. Enumerable.Range(0, table.Columns.Count).Where(c => table.Columns[c].Compared)];
        if (scores.Length > 0)
            yield return table.ToBars(scores, new ChartLayout
            {
                Title = "Benchmark scores",
                YTitle = "score",
                Width = 620,
                FromZero = true,
            });
        ModelResults[] judged = [.. models.Where(model => model.Vicuna?.Overall.Interval is not null)];
        if (judged.Length > 0)
            yield return Vicuna(judged);
    }

    /// <summary>Parts of a benchmark: categories or tasks.</summary>
    public static IEnumerable<string> Parts(ComparisonTable table)
    {
        if (table.Columns.Count <= 2)
            yield break;
        int[] parts = [.. Enumerable.Range(0, table.Columns.Count)
            .Where(c => table.Columns[c].Group.Length == 0 && table.Columns[c].Name is not ("Exact match" or "Not judged"))];
        yield return table.ToBars(parts, new ChartLayout { Title = table.Title, YTitle = "%", Width = 1120, FromZero = true });
    }

    private static string Vicuna(ModelResults[] judged)
    {
        double[] rates = [.. judged.Select(model => model.Vicuna!.Overall.AdjustedWinRate * 100)];
        double[] halves = [.. judged.Select(model => HalfWidth(model.Vicuna!.Overall))];
        return SvgChart.Bar(
            new ChartLayout { Title = "Vicuna QA, adjusted win rate with 95 % interval", YTitle = "%", Width = 480, FromZero = true },
            [.. judged.Select(model => model.Model)],
            [new BarSeries("adjusted win rate", rates, halves)]);

        // The percentile interval need not be symmetric; the longer side is drawn, which never claims too much.
        static double HalfWidth(VicunaScore score) =>
            100 * Math.Max(score.AdjustedWinRate - score.Interval!.Value.Low, score.Interval.Value.High - score.AdjustedWinRate);
    }
}
