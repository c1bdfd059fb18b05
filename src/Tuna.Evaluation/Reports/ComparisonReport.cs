using System.Text;
using Tuna.Evaluation.Vicuna;
using Tuna.IO;

namespace Tuna.Evaluation.Reports;

/// <summary>Models side by side over everything that was measured, as text, CSV and one self-contained web page. The same results give the
/// same bytes.</summary>
public sealed class ComparisonReport
{
    /// <summary>Creates a report of any tables.</summary>
    /// <param name="tables">The tables; the first is the overview. May be empty, where there are <see cref="Charts"/> only.</param>
    /// <param name="baseline">The model that the others are compared with, for the heading; null for none.</param>
    /// <param name="title">The report's title.</param>
    public ComparisonReport(IReadOnlyList<ComparisonTable> tables, string? baseline = null, string title = "Evaluation")
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(title);
        Title = title;
        Baseline = baseline;
        Tables = tables;
    }

    /// <summary>Creates a report of models' results, the overview in the layout of the paper's main table.</summary>
    /// <param name="models">The models, in the order shown; their names differ.</param>
    /// <param name="baseline">The model that the others are compared with; null for none.</param>
    /// <param name="title">The report's title.</param>
    /// <exception cref="ArgumentException">There is no model, two have one name, or none has the baseline's.</exception>
    public static ComparisonReport Of(IReadOnlyList<ModelResults> models, string? baseline = null, string title = "Evaluation")
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models.Count == 0)
            throw new ArgumentException("There is no model to report on.", nameof(models));
        if (models.CountBy(model => model.Model).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
            throw new ArgumentException($"Two models are called '{twice}'.", nameof(models));
        if (baseline is not null && models.All(model => model.Model != baseline))
            throw new ArgumentException(
                $"There is no model '{baseline}' to compare with; the models are {string.Join(", ", models.Select(model => model.Model))}.",
                nameof(baseline));
        return new ComparisonReport([.. ComparisonTables.Of(models, baseline)], baseline, title)
        {
            Notes = [.. models.Select(model => model.Vicuna).OfType<VicunaReport>()
                .Select(vicuna => $"Vicuna QA against {vicuna.Baseline}: {vicuna.Protocol}.").Distinct()],
            Issues = [.. models.SelectMany(model => model.Issues.Distinct().Select(issue => (model.Model, issue)))],
        };
    }

    /// <summary>The report's title.</summary>
    public string Title { get; }

    /// <summary>The model that the others are compared with, or null.</summary>
    public string? Baseline { get; }

    /// <summary>The tables; the first is the overview.</summary>
    public IReadOnlyList<ComparisonTable> Tables { get; }

    /// <summary>Sentences above the tables.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Charts below the tables, as <see cref="Charts.SvgChart"/> draws them; on the web page only.</summary>
    public IReadOnlyList<string> Charts { get; init; } = [];

    /// <summary>Runs, each with its own charts, answers and settings.</summary>
    public IReadOnlyList<ReportSection> Sections { get; init; } = [];

    /// <summary>What was wrong with the data, the predictions or the judge, by model.</summary>
    public IReadOnlyList<(string Model, string Issue)> Issues { get; init; } = [];

    /// <summary>The report as plain text.</summary>
    public string ToText()
    {
        var text = new StringBuilder(Title).Append("\n\n");
        if (Baseline is not null)
            text.Append("In parentheses: difference to ").Append(Baseline).Append(".\n\n");
        foreach (string note in Notes)
            text.Append(note).Append('\n');
        foreach (ComparisonTable table in Tables)
            text.Append('\n').Append(table.ToText());
        foreach (ReportSection section in Sections)
            SectionPage.Text(text, section);
        foreach ((string model, string issue) in Issues)
            text.Append('\n').Append(model).Append(": ").Append(issue);
        return text.Append('\n').ToString();
    }

    /// <summary>All figures as one CSV file: table, group, measure, model, value, difference.</summary>
    public string ToCsv() => string.Concat(Tables.SelectMany(table => table.ToCsv()).Prepend("table,group,measure,model,value,difference")
        .Select(line => line + "\n"));

    /// <summary>The report as one web page that loads nothing else.</summary>
    public string ToHtml() => ReportPage.Render(this);

    /// <summary>Writes <c>report.txt</c>, <c>report.csv</c> and <c>report.html</c>, each complete or not at all.</summary>
    /// <param name="folder">The folder, created when missing.</param>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Directory.CreateDirectory(folder);
        foreach ((string name, string content) in new[] { ("report.txt", ToText()), ("report.csv", ToCsv()), ("report.html", ToHtml()) })
            AtomicFile.WriteAllText(Path.Combine(folder, name), content);
    }
}
