using Tuna.Evaluation.Charts;
using Tuna.Evaluation.Reports;

namespace Tuna.Evaluation.Tests.Reports;

public class ReportSectionTests
{
    private static readonly ReportSection Section = new("a <run>")
    {
        Notes = ["It went & ended."],
        Figures = [("NLL", "2.5", "1.5"), ("win rate", "", "61 %")],
        Charts = [SvgChart.Line(new ChartLayout { Title = "Loss" }, new ChartSeries("training", [1, 2], [3, 2]))],
        Samples = [("Say <b>hello</b>.", "<script>alert(1)</script>", "  "), ("Two", "lines\nhere", "ok")],
        Lists = [("Settings", [("beta", "0.1"), ("template", "\"><img src=x>")])],
    };

    [Fact]
    public void ToHtml_Section_ShowsAllOfItAndObeysNoneOfItsTexts()
    {
        string html = new ComparisonReport([]) { Sections = [Section] }.ToHtml();
        foreach (string shown in (string[])["a &lt;run&gt;", "It went &amp; ended.", "<td>2.5</td><td>1.5</td>", "61 %", "<svg",
            "(nothing)",
            "Say &lt;b&gt;hello&lt;/b&gt;.", "&lt;script&gt;alert(1)&lt;/script&gt;", "lines\nhere", "<dt>beta</dt><dd>0.1</dd>",
            "&quot;&gt;&lt;img src=x&gt;"])
            Assert.Contains(shown, html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<link", html, StringComparison.Ordinal); // one file: nothing is loaded
        Assert.DoesNotContain("url(", html, StringComparison.Ordinal);
    }

    [Fact]
    public void ToText_Section_HasNotesAndFigures()
    {
        string text = new ComparisonReport([]) { Sections = [Section] }.ToText();
        Assert.Contains("It went & ended.", text, StringComparison.Ordinal);
        Assert.Contains("NLL       2.5 -> 1.5", text, StringComparison.Ordinal);
        Assert.Contains("win rate  61 %", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ToHtml_EmptySection_HasNoEmptyTables()
    {
        string html = new ComparisonReport([]) { Sections = [new("bare")] }.ToHtml();
        Assert.Contains("<h2>bare</h2>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<dl", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<table", html, StringComparison.Ordinal);
    }
}
