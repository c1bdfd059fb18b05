using Tuna.Evaluation.LMentry;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Vicuna;

namespace Tuna.Evaluation.Reports;

/// <summary>Makes the tables of a report from models' results; a table of which nothing was measured is left out.</summary>
internal static class ComparisonTables
{
    public static IEnumerable<ComparisonTable> Of(IReadOnlyList<ModelResults> models, string? baseline)
    {
        ComparisonTable?[] tables =
        [
            WithCharts(Overview(models, baseline), table => ComparisonCharts.Overview(table, models)),
            WithCharts(Natural("Super-NaturalInstructions by category, 0-shot (ROUGE-L)", models, baseline, model => model.ZeroShot),
                ComparisonCharts.Parts),
            WithCharts(Natural("Super-NaturalInstructions by category, 2-shot (ROUGE-L)", models, baseline, model => model.TwoShot),
                ComparisonCharts.Parts),
            LMentryParts(models, baseline),
            WithCharts(LMentryTasksOf(models, baseline), ComparisonCharts.Parts),
            WithCharts(VicunaCategories(models, baseline), ComparisonCharts.Parts),
            Others(models, baseline),
        ];
        return tables.OfType<ComparisonTable>();
    }

    private static ComparisonTable? WithCharts(ComparisonTable? table, Func<ComparisonTable, IEnumerable<string>> charts) =>
        table is null ? null : new ComparisonTable(table.Title, table.Columns, table.Rows, table.Baseline) { Charts = [.. charts(table)] };

    // The layout of the paper's main table. Vicuna QA is a comparison already, so no difference is shown.
    private static ComparisonTable? Overview(IReadOnlyList<ModelResults> models, string? baseline) => Table("Overview", models, baseline,
    [
        (new("Super NI", "0-shot"), m => m.ZeroShot?.Overall.RougeL),
        (new("Super NI", "2-shot"), m => m.TwoShot?.Overall.RougeL),
        (new("LMentry", "Score"), m => m.LMentry?.Score),
        (new("Vicuna QA", "Win %", Compared: false), m => Share(m.Vicuna, s => s.Wins)),
        (new("Vicuna QA", "Lose %", LowerIsBetter: true, Compared: false), m => Share(m.Vicuna, s => s.Losses)),
        (new("Vicuna QA", "Tie %", Compared: false), m => Share(m.Vicuna, s => s.Ties)),
        (new("Vicuna QA", "Adjusted win %", Compared: false), m => Percent(m.Vicuna?.Overall)),
    ]);

    private static ComparisonTable? Natural(string title, IReadOnlyList<ModelResults> models, string? baseline,
        Func<ModelResults, NaturalReport?> report)
    {
        string[] categories = [.. models.SelectMany(model => report(model)?.Categories.Select(category => category.Name) ?? []).Distinct()];
        return Table(title, models, baseline,
        [
            .. categories.Select(name =>
                (new ComparisonColumn("", name),
                (Func<ModelResults, double?>)(m => report(m)?.Categories.FirstOrDefault(category => category.Name == name)?.RougeL))),
            (new("", "Overall"), m => report(m)?.Overall.RougeL),
            (new("", "Exact match"), m => report(m)?.Overall.ExactMatch),
        ]);
    }

    private static ComparisonTable? LMentryParts(IReadOnlyList<ModelResults> models, string? baseline) => Table("LMentry", models, baseline,
    [
        (new("", "Score"), m => m.LMentry?.Score),
        (new("", "Accuracy"), m => m.LMentry?.Accuracy),
        (new("", "Robustness"), m => m.LMentry?.Robustness?.Overall),
        (new("Robustness to", "argument order"), m => m.LMentry?.Robustness?.ArgumentOrder),
        (new("Robustness to", "argument content"), m => m.LMentry?.Robustness?.ArgumentContent),
        (new("Robustness to", "template"), m => m.LMentry?.Robustness?.Template),
        (new("Robustness to", "adjacent tasks"), m => m.LMentry?.Robustness?.AdjacentTasks),
    ]);

    private static ComparisonTable? LMentryTasksOf(IReadOnlyList<ModelResults> models, string? baseline) =>
        Table("LMentry by task (accuracy)", models, baseline,
        [.. LMentryTasks.Core.Where(task => models.Any(m => m.LMentry?.Tasks.ContainsKey(task) == true)).Select(task =>
            (new ComparisonColumn("", task.Replace('_', ' ')),
                (Func<ModelResults, double?>)(m => m.LMentry?.Tasks.GetValueOrDefault(task)?.Overall.Accuracy)))]);

    private static ComparisonTable? VicunaCategories(IReadOnlyList<ModelResults> models, string? baseline)
    {
        string[] categories = [.. models.SelectMany(model => model.Vicuna?.Categories.Select(category => category.Name) ?? []).Distinct()];
        return Table("Vicuna QA by category (adjusted win rate, %)", models, baseline,
        [
            .. categories.Select(name =>
                (new ComparisonColumn("", name, Compared: false),
                (Func<ModelResults, double?>)(m => Percent(m.Vicuna?.Categories.FirstOrDefault(category => category.Name == name))))),
            (new("", "Overall", Compared: false), m => Percent(m.Vicuna?.Overall)),
            (new("95 % interval", "from", Compared: false), m => m.Vicuna?.Overall.Interval?.Low * 100),
            (new("95 % interval", "to", Compared: false), m => m.Vicuna?.Overall.Interval?.High * 100),
            (new("", "Not judged", 0, LowerIsBetter: true, Compared: false), m => m.Vicuna?.Overall.Errors),
        ]);
    }

    private static ComparisonTable? Others(IReadOnlyList<ModelResults> models, string? baseline) =>
        Table("Other measures", models, baseline,
    [
        (new("Held-out responses", "NLL (nats/token)", 4, LowerIsBetter: true), m => m.HeldOut?.PerResponse),
        (new("Held-out responses", "Perplexity", 2, LowerIsBetter: true), m => m.HeldOut?.Perplexity),
        (new("BERTScore", "P", 2), m => m.BertScore?.Precision * 100),
        (new("BERTScore", "R", 2), m => m.BertScore?.Recall * 100),
        (new("BERTScore", "F1", 2), m => m.BertScore?.F1 * 100),
        (new("Human evaluation", "Points", 2), m => m.Human?.Points),
        (new("Human evaluation", "First %"), m => m.Human?.FirstShare * 100),
    ]);

    // Columns of which no model has a value are left out, and with the last of them the table.
    private static ComparisonTable? Table(string title, IReadOnlyList<ModelResults> models, string? baseline,
        IReadOnlyList<(ComparisonColumn Column, Func<ModelResults, double?> Value)> columns)
    {
        var used = columns.Where(column => models.Any(model => column.Value(model) is not null)).ToList();
        return used.Count == 0
            ? null
            : new ComparisonTable(title, [.. used.Select(c => c.Column)],
                [.. models.Select(model => new ComparisonRow(model.Model, [.. used.Select(c => c.Value(model))]))], baseline);
    }

    private static double? Share(VicunaReport? report, Func<VicunaScore, int> part) =>
        report?.Overall is { } s && s.Wins + s.Losses + s.Ties > 0 ? 100.0 * part(s) / (s.Wins + s.Losses + s.Ties) : null;

    private static double? Percent(VicunaScore? score) =>
        score is null || double.IsNaN(score.AdjustedWinRate) ? null : score.AdjustedWinRate * 100;
}
