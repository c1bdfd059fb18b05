using System.Globalization;
using System.Text;
using Tuna.Evaluation.Charts;

namespace Tuna.Evaluation.Reports;

/// <summary>A column of a comparison.</summary>
/// <param name="Group">The benchmark, which several columns share; "" for none.</param>
/// <param name="Name">The measure.</param>
/// <param name="Decimals">Decimals shown, at least 0.</param>
/// <param name="LowerIsBetter">Whether small values are good.</param>
/// <param name="Compared">Whether the difference to the baseline is shown.</param>
public sealed record ComparisonColumn(string Group, string Name, int Decimals = 1, bool LowerIsBetter = false, bool Compared = true);

/// <summary>A row of a comparison.</summary>
/// <param name="Model">The model.</param>
/// <param name="Values">One per column; null where it was not measured.</param>
public sealed record ComparisonRow(string Model, IReadOnlyList<double?> Values);

/// <summary>Several models side by side, with the differences to one of them in parentheses: the layout of the paper's tables.</summary>
public sealed class ComparisonTable
{
    // Wider text than this, in characters, is easier to read with the measures as rows.
    private const int WidestText = 120;

    private readonly ComparisonRow? _baseline;

    /// <summary>Creates a table.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="rows">The models, in the order shown.</param>
    /// <param name="baseline">The model that the others are compared with; null for none.</param>
    /// <exception cref="ArgumentException">A row has not one value per column, two rows have one name, or there is no row of the baseline's
    /// name.</exception>
    public ComparisonTable(string title, IReadOnlyList<ComparisonColumn> columns, IReadOnlyList<ComparisonRow> rows,
        string? baseline = null)
    {
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.FirstOrDefault(row => row.Values.Count != columns.Count) is { } bad)
            throw new ArgumentException($"Table '{title}': row '{bad.Model}' has {bad.Values.Count} values for {columns.Count} columns.",
                nameof(rows));
        if (rows.DistinctBy(row => row.Model).Count() != rows.Count)
            throw new ArgumentException($"Table '{title}': two rows have one name.", nameof(rows));
        _baseline = baseline is null ? null : rows.FirstOrDefault(row => row.Model == baseline)
            ?? throw new ArgumentException($"Table '{title}': there is no row '{baseline}' to compare with.", nameof(baseline));
        Title = title;
        Columns = columns;
        Rows = rows;
    }

    /// <summary>What it shows.</summary>
    public string Title { get; }

    /// <summary>The columns.</summary>
    public IReadOnlyList<ComparisonColumn> Columns { get; }

    /// <summary>The models.</summary>
    public IReadOnlyList<ComparisonRow> Rows { get; }

    /// <summary>The model that the others are compared with, or null.</summary>
    public string? Baseline => _baseline?.Model;

    /// <summary>Charts of its figures, as <see cref="SvgChart"/> draws them; on a web page they stand below it.</summary>
    public IReadOnlyList<string> Charts { get; init; } = [];

    /// <summary>A value minus the baseline's, where both are known and compared; null otherwise and in the baseline's own row.</summary>
    public double? Difference(ComparisonRow row, int column)
    {
        ArgumentNullException.ThrowIfNull(row);
        return _baseline is null || row == _baseline || !Columns[column].Compared ? null : row.Values[column] - _baseline.Values[column];
    }

    /// <summary>Whether a value is the best of its column, where not all are equal.</summary>
    public bool IsBest(ComparisonRow row, int column)
    {
        ArgumentNullException.ThrowIfNull(row);
        double[] values = [.. Rows.Select(r => r.Values[column]).OfType<double>()];
        return values.Distinct().Count() > 1 && Columns[column].Compared
            && row.Values[column] == (Columns[column].LowerIsBetter ? values.Min() : values.Max());
    }

    /// <summary>A cell as text: the value, then the difference with its sign in parentheses; "" where nothing was measured.</summary>
    public string Cell(ComparisonRow row, int column)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Values[column] is not { } value ? ""
            : Difference(row, column) is { } difference ? $"{Number(value, column)} ({Signed(difference, column)})" : Number(value, column);
    }

    /// <summary>The table as aligned text: a row per model, or a row per measure where that would be too wide.</summary>
    public string ToText()
    {
        string[][] wide =
        [
            ["", .. Columns.Select((column, i) => i > 0 && Columns[i - 1].Group == column.Group ? "" : column.Group)],
            ["", .. Columns.Select(column => column.Name)],
            .. Rows.Select(row => (string[])[row.Model, .. Columns.Select((_, i) => Cell(row, i))]),
        ];
        if (Columns.All(column => column.Group.Length == 0))
            wide = wide[1..];
        if (Widths(wide).Sum(width => width + 2) <= WidestText)
            return Aligned(wide, headings: wide.Length - Rows.Count);
        return Aligned([["", .. Rows.Select(row => row.Model)],
            .. Columns.Select((column, i) => (string[])[FullName(column), .. Rows.Select(row => Cell(row, i))])], headings: 1);
    }

    /// <summary>Some columns as a bar chart: a group of bars per column, a colour per model, no bar where nothing was measured.</summary>
    /// <param name="columns">Indices into <see cref="Columns"/>.</param>
    /// <param name="layout">Titles and size.</param>
    public string ToBars(IReadOnlyList<int> columns, ChartLayout layout)
    {
        ArgumentNullException.ThrowIfNull(columns);
        return SvgChart.Bar(
            layout,
            [.. columns.Select(c => FullName(Columns[c]))],
            [.. Rows.Select(row => new BarSeries(row.Model, [.. columns.Select(c => row.Values[c] ?? double.NaN)]))]);
    }

    internal static string FullName(ComparisonColumn column) => column.Group.Length > 0 ? $"{column.Group} {column.Name}" : column.Name;

    private static int[] Widths(string[][] cells) => [.. Enumerable.Range(0, cells[0].Length).Select(c => cells.Max(row => row[c].Length))];

    private string Aligned(string[][] cells, int headings)
    {
        int[] widths = Widths(cells);
        var text = new StringBuilder(Title).Append('\n');
        for (int r = 0; r < cells.Length; r++)
        {
            text.Append(string.Join("  ", cells[r].Select((cell, c) => cell.PadRight(widths[c]))).TrimEnd()).Append('\n');
            if (r == headings - 1)
                text.Append('-', widths.Sum() + (2 * (widths.Length - 1))).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The table's rows of a CSV file with the columns table, group, measure, model, value, difference; numbers have all their
    /// digits.</summary>
    public IEnumerable<string> ToCsv()
    {
        foreach (ComparisonRow row in Rows)
        {
            for (int c = 0; c < Columns.Count; c++)
            {
                if (row.Values[c] is { } value)
                    yield return string.Join(',', Quoted(Title), Quoted(Columns[c].Group), Quoted(Columns[c].Name), Quoted(row.Model),
                        Exact(value), Difference(row, c) is { } d ? Exact(d) : "");
            }
        }
    }

    internal string Number(double value, int column) => Fixed(value, Columns[column].Decimals);

    internal string Signed(double difference, int column)
    {
        string text = Fixed(difference, Columns[column].Decimals);
        return text.StartsWith('-') ? text : "+" + text;
    }

    // No "-0.0": a difference that rounds to nothing has no sign of its own.
    private static string Fixed(double value, int decimals)
    {
        string text = value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return text.StartsWith('-') && text.All(c => c is '-' or '0' or '.') ? text[1..] : text;
    }

    private static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private const string FormulaStarts = "=+-@\t\r";

    // A name that a spreadsheet would take for a formula is shown as text.
    private static string Quoted(string text) => CsvCell(text.Length > 0 && FormulaStarts.Contains(text[0]) ? "'" + text : text);

    private static string CsvCell(string text) =>
        text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
