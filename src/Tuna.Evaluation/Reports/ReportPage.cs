using System.Globalization;
using System.Net;
using System.Text;

namespace Tuna.Evaluation.Reports;

/// <summary>Renders a report as a web page: tables and charts in one file, no script.</summary>
internal static class ReportPage
{
    private const string Style = """
        body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:1180px;margin:2rem auto;padding:0 1.5rem}
        h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}p{margin:.3rem 0}
        .scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap}
        th,td{padding:.28rem .7rem;text-align:right;border-bottom:1px solid #e3e6ea}
        thead th{border-bottom:1px solid #9aa3ad;font-weight:600}
        thead th.group{text-align:center;border-bottom:1px solid #c9cfd6}
        tbody th{text-align:left;font-weight:500;position:sticky;left:0;background:#fff}
        tr.baseline th,tr.baseline td{background:#f4f6f8}.best{font-weight:700}
        .delta{font-size:.85em;margin-left:.3em}.up{color:#10662f}.down{color:#a5231a}.same{color:#59636e}
        .charts{display:flex;flex-wrap:wrap;gap:1rem;margin-top:.8rem}
        .charts svg{max-width:100%;height:auto;border:1px solid #e3e6ea;border-radius:4px}
        table.tall th,table.tall td{font-size:.92em}details{margin-top:2rem}li{overflow-wrap:anywhere}
        """;

    // Wider headings than this, in characters, read better as rows.
    private const int WidestHeading = 100;

    public static string Render(ComparisonReport report)
    {
        var html = new StringBuilder(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
            + "content=\"width=device-width,initial-scale=1\">\n");
        html.Append("<title>").Append(Escaped(report.Title)).Append("</title>\n<style>").Append(Style).Append('\n')
            .Append(SectionPage.Style).Append("</style></head><body>\n");
        html.Append("<h1>").Append(Escaped(report.Title)).Append("</h1>\n");
        if (report.Baseline is not null)
            Paragraph(html, $"In parentheses: difference to {report.Baseline}. Best values are bold.");
        foreach (string note in report.Notes)
            Paragraph(html, note);
        foreach (ComparisonTable table in report.Tables)
        {
            html.Append("<h2>").Append(Escaped(table.Title)).Append("</h2>\n<div class=\"scroll\">");
            if (table.Columns.Sum(column => column.Name.Length) > WidestHeading)
                Tall(html, table);
            else
                Wide(html, table);
            html.Append("</div>\n");
            Charts(html, table.Charts);
        }

        Charts(html, report.Charts);
        foreach (ReportSection section in report.Sections)
            SectionPage.Render(html, section);

        if (report.Issues.Count > 0)
        {
            html.Append(CultureInfo.InvariantCulture,
                $"<details><summary>{report.Issues.Count} remarks on data, predictions and judge</summary><ul>\n");
            foreach ((string model, string issue) in report.Issues)
                html.Append("<li><b>").Append(Escaped(model)).Append("</b>: ").Append(Escaped(issue)).Append("</li>\n");
            html.Append("</ul></details>\n");
        }

        return html.Append("</body></html>\n").ToString();
    }

    private static void Wide(StringBuilder html, ComparisonTable table)
    {
        html.Append("<table><thead>");
        if (table.Columns.Any(column => column.Group.Length > 0))
        {
            html.Append("<tr><th></th>");
            for (int c = 0; c < table.Columns.Count;)
            {
                int span = table.Columns.Skip(c).TakeWhile(column => column.Group == table.Columns[c].Group).Count();
                html.Append(CultureInfo.InvariantCulture, $"<th class=\"group\" colspan=\"{span}\">")
                    .Append(Escaped(table.Columns[c].Group)).Append("</th>");
                c += span;
            }

            html.Append("</tr>");
        }

        html.Append("<tr><th></th>");
        foreach (ComparisonColumn column in table.Columns)
            html.Append("<th>").Append(Escaped(column.Name)).Append("</th>");
        html.Append("</tr></thead>\n<tbody>");
        foreach (ComparisonRow row in table.Rows)
        {
            html.Append(row.Model == table.Baseline ? "<tr class=\"baseline\"><th>" : "<tr><th>").Append(Escaped(row.Model))
                .Append("</th>");
            for (int c = 0; c < table.Columns.Count; c++)
                Cell(html, table, row, c);
            html.Append("</tr>\n");
        }

        html.Append("</tbody></table>");
    }

    private static void Tall(StringBuilder html, ComparisonTable table)
    {
        html.Append("<table class=\"tall\"><thead><tr><th></th>");
        foreach (ComparisonRow row in table.Rows)
            html.Append("<th>").Append(Escaped(row.Model)).Append(row.Model == table.Baseline ? " (baseline)" : "").Append("</th>");
        html.Append("</tr></thead>\n<tbody>");
        for (int c = 0; c < table.Columns.Count; c++)
        {
            html.Append("<tr><th>").Append(Escaped(ComparisonTable.FullName(table.Columns[c]))).Append("</th>");
            foreach (ComparisonRow row in table.Rows)
                Cell(html, table, row, c);
            html.Append("</tr>\n");
        }

        html.Append("</tbody></table>");
    }

    private static void Cell(StringBuilder html, ComparisonTable table, ComparisonRow row, int c)
    {
        html.Append(table.IsBest(row, c) ? "<td class=\"best\">" : "<td>");
        if (row.Values[c] is { } value)
        {
            html.Append(table.Number(value, c));
            if (table.Difference(row, c) is { } difference)
            {
                // The sign says what the colour says, for those who do not see it.
                string text = table.Signed(difference, c);
                bool none = text.All(sign => sign is '+' or '-' or '0' or '.');
                string direction = none ? "same" : difference > 0 != table.Columns[c].LowerIsBetter ? "up" : "down";
                html.Append(CultureInfo.InvariantCulture, $"<span class=\"delta {direction}\">({text})</span>");
            }
        }

        html.Append("</td>");
    }

    private static void Charts(StringBuilder html, IReadOnlyList<string> charts)
    {
        if (charts.Count > 0)
            html.Append("<div class=\"charts\">").AppendJoin('\n', charts).Append("</div>\n");
    }

    private static void Paragraph(StringBuilder html, string text) => html.Append("<p>").Append(Escaped(text)).Append("</p>\n");

    private static string Escaped(string text) => WebUtility.HtmlEncode(text);
}
