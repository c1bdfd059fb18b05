using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Evaluation.Reports;
using Tuna.IO;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Several models side by side.</summary>
internal sealed class ReportCommand : StageCommand
{
    private readonly Setting<string[]> _results = new("--result", "-r")
    {
        Description = "Result files of `tuna evaluate`; the first one's model is the baseline. May be repeated.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Setting<string[]> _training = new("--training", "-t")
    {
        Description = "Model folders of `tuna sft`, `train` or `prm`, whose training curves are drawn. May be repeated.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Setting<string?> _best =
        new("--best") { Description = "Names the model that is best by a metric: METRIC:max or METRIC:min." };
    private readonly Setting<string?> _out =
        new("--out", "-o") { Description = "A file too: .html (self-contained, with plots), .csv or .txt." };

    public ReportCommand(App app)
        : base(app, "report",
            "Puts evaluations of several models side by side, with differences to the first in parentheses, and tells how models were "
            + "trained: curves, answers before and after, win rate, settings, versions.")
    {
        foreach (Option option in (Option[])[_results, _training, _best, _out])
            Options.Add(option);
        Examples =
        [
            "tuna report --result alpaca.nll.json --result tuna.nll.json",
            "tuna report --result *.json --training alpaca --training tuna --out report.html",
            "tuna report --result beta-1.2.nll.json --result beta-1.3.nll.json --best nll_per_response:min",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string[] files = parse.GetValue(_results) ?? [], folders = parse.GetValue(_training) ?? [];
        if (files.Length == 0 && folders.Length == 0)
            throw new StageException("There is nothing to report on: give --result FILE or --training FOLDER.", ExitCodes.Usage);
        EvaluationResult[] results = [.. files.Select(EvaluationResult.Read)];
        TrainingCurve[] curves = [.. folders.Select(TrainingCurve.Read)];
        IReadOnlyList<ComparisonTable> tables = ResultTables.Of(results);
        (string Model, double Value)? best = parse.GetValue(_best) is { } rule
            ? ResultTables.Best(tables.Count > 0 ? tables[0] : null, rule) : null;
        var report = new ComparisonReport(tables, results.FirstOrDefault()?.Model, "Tuna report")
        {
            Notes = best is { } b ? [$"Best by {parse.GetValue(_best)}: {b.Model} ({FigureText.Of(b.Value)})."] : [],
            Charts = curves.Length > 1 ? TrainingCurve.Charts(curves) : [],
            Sections = [.. curves.Select(curve => RunSection.Of(curve, results))],
            Issues = [.. results.SelectMany(r => r.Issues.Select(issue => (r.Model, issue)))],
        };
        string text = OnScreen(report, results, files);
        if (parse.GetValue(_out) is { } output)
        {
            AtomicFile.WriteAllText(output, Path.GetExtension(output).ToLowerInvariant() switch
            {
                ".html" or ".htm" => report.ToHtml(),
                ".csv" => report.ToCsv(),
                _ => report.ToText(),
            });
            text = $"{output}: written{Environment.NewLine}{text}";
        }

        return Task.FromResult(new StageResult(text, new()
        {
            ["out"] = parse.GetValue(_out),
            ["best"] = best?.Model,
            ["best_value"] = best?.Value,
            ["models"] = new JsonArray([.. results.Select(r => r.Model).Distinct().Select(m => (JsonNode?)JsonValue.Create(m))]),
        }));
    }

    // The tables come last, where a person looks; of what was wrong, how much of each kind. The names are in the result files.
    private static string OnScreen(ComparisonReport report, EvaluationResult[] results, string[] files)
    {
        IEnumerable<string> issues = results.Zip(files).Where(r => r.First.Issues.Count > 0)
            .Select(r =>
                $"{r.First.Model}, {r.First.Benchmark}: {r.First.Issues.Count} issues, all named in "
                + $"{r.Second}:{Environment.NewLine}{IssueSummary.Text(r.First.Issues)}");
        var tables = new ComparisonReport(report.Tables, report.Baseline, report.Title) 
        {
            Notes = report.Notes,
            Sections = report.Sections,
        };
        return string.Join(Environment.NewLine, issues.Append("").Append(tables.ToText().TrimEnd())).TrimStart();
    }
}
