using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Evaluation.Charts;
using Tuna.Evaluation.Reports;
using Tuna.IO;

namespace Tuna.Cli.Rounds;

/// <summary>Costs and gains of the rounds: <c>report.html</c> and <c>rounds.json</c> in their folder. The same files give the same
/// bytes.</summary>
internal sealed class RoundsReport(RoundsSettings settings, IReadOnlyList<RoundFigures> rounds, SharedBudget budget)
{
    private const string First = "round 0";

    private string Measured => rounds[0].Measured.HeldOut ? "held-out rows" : "training rows";

    public JsonObject ToJson() => new()
    {
        ["policy"] = settings.PolicyAfter(rounds.Count),
        ["objective"] = settings.Objective,
        ["judge"] = settings.Judge.In(1),
        ["sampler"] = settings.Sampler.In(1),
        ["rounds"] = new JsonArray([.. rounds.Select(r => (JsonNode)r.ToJson())]),
        ["calls"] = rounds.Sum(r => r.Spent.Calls),
        ["input_tokens"] = rounds.Sum(r => r.Spent.InputTokens),
        ["output_tokens"] = rounds.Sum(r => r.Spent.OutputTokens),
        ["cost"] = rounds.Sum(r => r.Spent.Cost),
    };

    public string ToText() =>
        string.Join(Environment.NewLine, [new ComparisonReport(Tables(), title: "").ToText().Trim(), .. Notes()]);

    public void Save()
    {
        var page = new ComparisonReport(Tables(), First, "Tuna rounds") { Notes = [.. Notes()], Charts = [.. Charts()] };
        AtomicFile.WriteAllText(Path.Combine(settings.Work, "report.html"), page.ToHtml());
        AtomicFile.WriteAllText(Path.Combine(settings.Work, "rounds.json"), ToJson().ToJsonString(JsonText.Indented) + "\n");
    }

    private IEnumerable<string> Notes()
    {
        yield return $"Objective {settings.Objective}; judge {settings.Judge.In(1)}; responses by "
            + $"{(settings.Sampler is { IsService: false, IsLocal: false } ? "the policy of the round before" : settings.Sampler.In(1))}; "
            + $"frozen policy: {(settings.ReferenceIsPrevious ? "that of the round before" : "round 0")}.";
        if (rounds is [var first, ..] && first.Measured.Rows > 0)
            yield return first.Measured.HeldOut
                ? $"NLL (of the reference response, or of the best candidate where a row has none) and pairs in order are measured on "
                    + $"{first.Measured.Rows} rows that no round trains on."
                : $"NLL (of the reference response, or of the best candidate where a row has none) and pairs in order are measured on "
                    + $"{first.Measured.Rows} of the rows trained on; none are held out (--held-out).";
        if (rounds.LastOrDefault(r => r.Answers is not null)?.Answers is { } answers)
            yield return string.Create(CultureInfo.InvariantCulture,
                $"Answers of the last round against those of round 0 on {answers.Rows} held-out prompts: {answers.Wins} won, "
                + $"{answers.Ties} tied, {answers.Rows - answers.Wins - answers.Ties} lost; win rate "
                + $"{answers.WinRate.Mean:P1} (95 % interval {answers.WinRate.Low:P1} to {answers.WinRate.High:P1}).");
        if (rounds.Sum(r => r.Spent.Calls) > 0)
        {
            decimal cost = rounds.Sum(r => r.Spent.Cost);
            yield return string.Create(CultureInfo.InvariantCulture,
                $"Budget for all rounds: {Budget()}. Spent: {rounds.Sum(r => r.Spent.InputTokens + r.Spent.OutputTokens)} tokens"
                + $"{(cost > 0 ? ", cost " : "")}{(cost > 0 ? cost : null):0.####}.");
        }
    }

    private string Budget() => string.Join(" and ", new[]
    {
        budget.Tokens is { } tokens ? string.Create(CultureInfo.InvariantCulture, $"{tokens} tokens") : null,
        budget.Money is { } money ? string.Create(CultureInfo.InvariantCulture, $"{money} in money") : null,
    }.OfType<string>());

    private List<ComparisonTable> Tables()
    {
        var tables = new List<ComparisonTable>();
        if (rounds.Count > 0)
        {
            tables.Add(Gains());
            tables.Add(Work());
            if (rounds.Any(r => r.Spent.Calls > 0))
                tables.Add(Costs());
        }

        return tables;
    }

    private ComparisonTable Gains()
    {
        (ComparisonColumn Column, Func<RoundFigures, double?> After, double? Start)[] all =
        [
            (new("samples", "mean score", 3), r => SampledBy(r.Round)?.MeanScore, SampledBy(0)?.MeanScore),
            (new("samples", "best of N", 3), r => SampledBy(r.Round)?.BestScore, SampledBy(0)?.BestScore),
            (new(Measured, "NLL per token", 4, LowerIsBetter: true), r => r.After?.NllPerToken, rounds[0].Before?.NllPerToken),
            (new(Measured, "pairs in order, %", 1), r => 100 * r.After?.InOrder, 100 * rounds[0].Before?.InOrder),
            (new("answers", "mean score", 3), r => r.Answers?.Score, rounds[0].Answers?.FirstScore),
            (new("answers", "win rate, %", 1, Compared: false), r => 100 * r.Answers?.WinRate.Mean, null),
        ];
        var shown = all.Where(c => c.Start is not null || rounds.Any(r => c.After(r) is not null)).ToList();
        return new("Policies: gains", [.. shown.Select(c => c.Column)],
            [
                new(First, [.. shown.Select(c => c.Start)]),
                .. rounds.Select(r => new ComparisonRow(Name(r), [.. shown.Select(c => c.After(r))])),
            ], First);
    }

    // A policy's samples are those of the round after it; of another sampler they say nothing about it.
    private RoundFigures? SampledBy(int round) => settings.Sampler is { IsService: false, IsLocal: false }
        ? rounds.FirstOrDefault(r => r.Round == round + 1) : null;

    private ComparisonTable Work() => Table("Rounds: what each took",
    [
        (new("samples", "rows", 0, Compared: false), r => r.Rows),
        (new("samples", "responses", 0, Compared: false), r => r.Responses),
        (new("samples", "tokens", 0, Compared: false), r => r.ResponseTokens),
        (new("samples", "rows failed", 0, Compared: false), r => r.FailedRows),
        (new("scores", "mean", 3, Compared: false), r => r.MeanScore),
        (new("scores", "best of N", 3, Compared: false), r => r.BestScore),
        (new("training", "steps", 0, Compared: false), r => r.Steps),
        (new("training", "tokens", 0, Compared: false), r => r.TrainedTokens),
        (new("training", "last loss", 4, Compared: false), r => r.LastLoss),
    ]);

    private ComparisonTable Costs() => Table("Rounds: what was paid for",
    [
        (new("", "calls", 0, Compared: false), r => r.Spent.Calls),
        (new("", "prompt tokens", 0, Compared: false), r => r.Spent.InputTokens),
        (new("", "reply tokens", 0, Compared: false), r => r.Spent.OutputTokens),
        .. rounds.Any(r => r.Spent.Cost > 0)
            ? [(new ComparisonColumn("", "cost", 4, Compared: false), r => (double)r.Spent.Cost)]
            : Array.Empty<(ComparisonColumn, Func<RoundFigures, double?>)>(),
    ]);

    private ComparisonTable Table(string title, IReadOnlyList<(ComparisonColumn Column, Func<RoundFigures, double?> Value)> columns) =>
        new(title, [.. columns.Select(c => c.Column)],
            [.. rounds.Select(r => new ComparisonRow(Name(r), [.. columns.Select(c => c.Value(r))]))]);

    private IEnumerable<string> Charts()
    {
        ComparisonTable gains = Gains();
        foreach ((string title, string[] names) in (IEnumerable<(string, string[])>)
            [("score", ["mean score", "best of N"]), ("win rate, %", ["win rate, %"]), ("NLL per token", ["NLL per token"]),
            ("pairs in order, %", ["pairs in order, %"])])
        {
            ComparisonColumn[] shown = [.. gains.Columns.Where(c => names.Contains(c.Name))];
            if (shown.Length == 0)
                continue;
            var layout = new ChartLayout { Title = "Policies: " + title, XTitle = "round", YTitle = title, Width = 560, WholeX = true };
            yield return SvgChart.Line(layout, [.. shown.Select(c => Series(gains, c))]);
        }

        if (rounds.Any(r => r.Spent.Calls > 0))
            yield return SvgChart.Bar(
                new ChartLayout { Title = "Tokens paid for", YTitle = "tokens", Width = 560 }, [.. rounds.Select(Name)],
                new BarSeries("prompts", [.. rounds.Select(r => (double)r.Spent.InputTokens)]),
                new BarSeries("replies", [.. rounds.Select(r => (double)r.Spent.OutputTokens)]));
    }

    private static ChartSeries Series(ComparisonTable table, ComparisonColumn column)
    {
        int c = table.Columns.ToList().IndexOf(column);
        return new(column.Group + ", " + column.Name, [.. table.Rows.Select(row => row.Values[c] ?? double.NaN)]);
    }

    private static string Name(RoundFigures round) => string.Create(CultureInfo.InvariantCulture, $"round {round.Round}");
}
