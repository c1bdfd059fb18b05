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
        .samples{width:100%;white-space:normal;table-layout:fixed}.samples th,.samples td,.list th,.list td{text-align:left;vertical-align:top}
        .samples td{white-space:pre-wrap;overflow-wrap:anywhere}.samples tbody th{position:static;font-weight:400;white-space:pre-wrap;overflow-wrap:anywhere;color:#3d444d}
        .list{white-space:normal}.list td{overflow-wrap:anywhere}.list tbody th{position:static;white-space:nowrap}
        .lists{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:0 2rem;align-items:start}
        .none{color:#59636e}
        @media(max-width:720px){.lists{grid-template-columns:1fr}}
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
            text.Append("  ").Append(name.PadRight(width)).Append("  ").Append(before.Length > 0 ? $"{before} -> {after}" : after).Append('\n');
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
        html.Append("<h3>Answers before and after</h3>\n<table class=\"samples\"><thead><tr><th>prompt</th><th>before</th><th>after</th></tr></thead><tbody>\n");
        foreach ((string prompt, string before, string after) in section.Samples)
        {
            html.Append("<tr><th>").Append(Escaped(prompt)).Append("</th>");
            Answer(before);
            Answer(after);
            html.Append("</tr>\n");
        }

        html.Append("</tbody></table>\n");

        void Answer(string text) => html.Append(text.Trim().Length > 0 ? $"<td>{Escaped(text.Trim())}</td>" : "<td class=\"none\">(nothing)</td>");
    }

    private static void Lists(StringBuilder html, ReportSection section)
    {
        if (section.Lists.Count == 0)
            return;
        html.Append("<div class=\"lists\">\n");
        foreach ((string heading, IReadOnlyList<(string Name, string Value)> values) in section.Lists)
        {
            html.Append(CultureInfo.InvariantCulture, $"<div><h3>{Escaped(heading)}</h3><table class=\"list\"><tbody>\n");
            foreach ((string name, string value) in values)
                html.Append("<tr><th>").Append(Escaped(name)).Append("</th><td>").Append(Escaped(value)).Append("</td></tr>\n");
            html.Append("</tbody></table></div>\n");
        }

        html.Append("</div>\n");
    }

    // A page is also read by those who would have it do something: what is no text is shown, never obeyed.
    private static string Escaped(string text) => WebUtility.HtmlEncode(text);
}
