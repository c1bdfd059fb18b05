using System.Globalization;
using System.Net;
using System.Text;

namespace Tuna.Evaluation.Reports;

/// <summary>Renders a <see cref="ReportSection"/>.</summary>
internal static class SectionPage
{
    public const string Style = """
        section{border-top:2px solid #e3e6ea;margin-top:2.6rem}section h2{font-size:1.3rem}h3{font-size:1rem;margin:1.6rem 0 .4rem}
        table.figures td:nth-child(2){color:#59636e}
        .samples{width:100%;white-space:normal;table-layout:fixed}.samples th,.samples td{text-align:left;vertical-align:top}
        .samples td{white-space:pre-wrap;overflow-wrap:anywhere}
        .samples tbody th{position:static;font-weight:400;white-space:pre-wrap;overflow-wrap:anywhere;color:#3d444d}
        dl{columns:20rem;column-gap:2rem;margin:0;font-variant-numeric:tabular-nums}
        dl div{display:flex;justify-content:space-between;gap:1rem;padding:.2rem .1rem;border-bottom:1px solid #e3e6ea;break-inside:avoid}
        dt{color:#59636e;white-space:nowrap}dd{margin:0;text-align:right;overflow-wrap:anywhere}.none{color:#59636e}
        @media(max-width:720px){table.figures{white-space:normal}table.figures td{white-space:nowrap}}
        """;

    public static void Render(StringBuilder html, ReportSection section)
    {
        html.Append("<section><h2>").Append(Escaped(section.Title)).Append("</h2>\n");
        foreach (string note in section.Notes)
            html.Append("<p>").Append(Escaped(note)).Append("</p>\n");
        Figures(html, section);
        if (section.Charts.Count > 0)
            html.Append("<div class=\"charts\">").AppendJoin('\n', section.Charts).Append("</div>\n");
        Samples(html, section);
        Lists(html, section);
        html.Append("</section>\n");
    }

    public static void Text(StringBuilder text, ReportSection section)
    {
        text.Append('\n').Append(section.Title).Append('\n');
        foreach (string note in section.Notes)
            text.Append("  ").Append(note).Append('\n');
        int width = section.Figures.Select(f => f.Name.Length).DefaultIfEmpty().Max();
        foreach ((string name, string before, string after) in section.Figures)
        {
            text.Append("  ").Append(name.PadRight(width)).Append("  ");
            text.Append(before.Length > 0 ? $"{before} -> {after}" : after).Append('\n');
        }
    }

    private static void Figures(StringBuilder html, ReportSection section)
    {
        if (section.Figures.Count == 0)
            return;
        bool compares = section.Figures.Any(f => f.Before.Length > 0);
        html.Append("<div class=\"scroll\"><table class=\"figures\">");
        if (compares)
            html.Append("<thead><tr><th></th><th>before</th><th>after</th></tr></thead>");
        html.Append("<tbody>\n");
        foreach ((string name, string before, string after) in section.Figures)
        {
            html.Append("<tr><th>").Append(Escaped(name)).Append("</th>");
            if (compares)
                html.Append("<td>").Append(Escaped(before)).Append("</td>");
            html.Append("<td>").Append(Escaped(after)).Append("</td></tr>\n");
        }

        html.Append("</tbody></table></div>\n");
    }

    private static void Samples(StringBuilder html, ReportSection section)
    {
        if (section.Samples.Count == 0)
            return;
        html.Append("<h3>Answers before and after</h3>\n<table class=\"samples\"><thead>"
            + "<tr><th>prompt</th><th>before</th><th>after</th></tr></thead><tbody>\n");
        foreach ((string prompt, string before, string after) in section.Samples)
        {
            html.Append("<tr><th>").Append(Escaped(prompt)).Append("</th>");
            Answer(before);
            Answer(after);
            html.Append("</tr>\n");
        }

        html.Append("</tbody></table>\n");

        void Answer(string text) =>
            html.Append(text.Trim().Length > 0 ? $"<td>{Escaped(text.Trim())}</td>" : "<td class=\"none\">(nothing)</td>");
    }

    private static void Lists(StringBuilder html, ReportSection section)
    {
        foreach ((string heading, IReadOnlyList<(string Name, string Value)> values) in section.Lists)
        {
            html.Append(CultureInfo.InvariantCulture, $"<h3>{Escaped(heading)}</h3>\n<dl>\n");
            foreach ((string name, string value) in values)
                html.Append("<div><dt>").Append(Escaped(name)).Append("</dt><dd>").Append(Escaped(value)).Append("</dd></div>\n");
            html.Append("</dl>\n");
        }
    }

    // A page is also read by those who would have it do something: what is no text is shown, never obeyed.
    private static string Escaped(string text) => WebUtility.HtmlEncode(text);
}
