using System.Net;
using System.Text;
using Tuna.IO;

namespace Quickstart;

/// <summary>A self-contained page: headings, tables and inline SVG.</summary>
internal sealed class HtmlReport(string title)
{
    private const string Style = """
        body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; max-width: 62rem; margin: 2rem auto;
        padding: 0 1.2rem; }
        h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #d8dee6;
        padding-bottom: .2rem }
        table { border-collapse: collapse; margin: .8rem 0 } th, td { padding: .3rem .8rem; border-bottom: 1px solid #e4e8ee;
        text-align: right; vertical-align: top }
        th:first-child, td:first-child, table.text td, table.text th { text-align: left } thead th { border-bottom: 2px solid #9aa7b5 }
        table:not(.text) td { white-space: nowrap } table.text td { font-size: .9rem } .note { color: #5a6675 } .wrong { color: #b3261e }
        .right { color: #1b7f3b } svg { max-width: 100%; height: auto }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem }
        """;

    private readonly StringBuilder _body = new();

    public HtmlReport Heading(string text) => Raw($"<h2>{Escape(text)}</h2>");

    public HtmlReport Paragraph(string text) => Raw($"<p>{Escape(text)}</p>");

    public HtmlReport Note(string text) => Raw($"<p class=\"note\">{Escape(text)}</p>");

    /// <summary>A table of numbers, or of text when <paramref name="text"/> is true; a cell may carry a CSS class before a bar:
    /// <c>right|word</c>.</summary>
    public HtmlReport Table(IEnumerable<string> header, IEnumerable<IEnumerable<string>> rows, bool text = false)
    {
        _body.Append(text ? "<table class=\"text\">" : "<table>").Append("<thead><tr>");
        foreach (string cell in header)
            _body.Append("<th>").Append(Escape(cell)).Append("</th>");
        _body.Append("</tr></thead><tbody>");
        foreach (IEnumerable<string> row in rows)
        {
            _body.Append("<tr>");
            foreach (string cell in row)
            {
                int bar = cell.StartsWith("right|", StringComparison.Ordinal) || cell.StartsWith("wrong|", StringComparison.Ordinal)
                    ? 5 : -1;
                _body.Append(bar < 0 ? "<td>" : $"<td class=\"{cell[..bar]}\">").Append(Escape(cell[(bar + 1)..])).Append("</td>");
            }

            _body.Append("</tr>");
        }

        _body.Append("</tbody></table>\n");
        return this;
    }

    public HtmlReport Charts(params IEnumerable<string> svgs) =>
        Raw($"<div class=\"charts\">{string.Concat(svgs.Select(s => $"<div>{s}</div>"))}</div>");

    public void Save(string file)
    {
        string page =
            $"<!doctype html>\n<html lang=\"en\"><head><meta "
            + $"charset=\"utf-8\"><title>{Escape(title)}</title><style>{Style}</style></head>\n"
            + $"<body><h1>{Escape(title)}</h1>\n{_body}</body></html>\n";
        AtomicFile.WriteAllBytes(file, Encoding.UTF8.GetBytes(page));
    }

    private HtmlReport Raw(string html)
    {
        _body.Append(html).Append('\n');
        return this;
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
