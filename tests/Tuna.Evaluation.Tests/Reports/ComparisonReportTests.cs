using System.Xml.Linq;
using Tuna.Chat;
using Tuna.Evaluation.LMentry;
using Tuna.Evaluation.Measures;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Reports;
using Tuna.Evaluation.Similarity;
using Tuna.Evaluation.Vicuna;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.Reports;

public sealed class ComparisonReportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ToText_ThreeModels_HasThePapersLayout()
    {
        string[] lines = Report().ToText().Split('\n');
        int at = Array.IndexOf(lines, "Overview");
        Assert.Equal("           Super NI                  LMentry       Vicuna QA", lines[at + 1]);
        Assert.StartsWith("           0-shot       2-shot       Score         Win %      Lose %  Tie %  Adjusted win %", lines[at + 2],
            StringComparison.Ordinal);
        Assert.StartsWith("alpaca     30.0         31.0 ", lines[at + 4], StringComparison.Ordinal);
        Assert.StartsWith("tuna <p>   36.5 (+6.5)  38.0 (+7.0)", lines[at + 5], StringComparison.Ordinal);
        Assert.StartsWith("tuna, \"c\"  30.0 (+0.0)  30.5 (-0.5)", lines[at + 6], StringComparison.Ordinal);
        Assert.Contains("In parentheses: difference to alpaca.", lines);
        Assert.Contains("Vicuna QA against alpaca: pairwise verdict in both orders, official reader.", lines);
    }

    [Fact]
    public void ToCsv_AllFigures_ParseBack()
    {
        string[] lines = Report().ToCsv().TrimEnd('\n').Split('\n');
        Assert.Equal("table,group,measure,model,value,difference", lines[0]);
        Assert.Contains("Overview,Super NI,0-shot,alpaca,30,", lines);
        Assert.Contains("Overview,Super NI,0-shot,tuna <p>,36.5,6.5", lines);
        Assert.Contains("Overview,Super NI,2-shot,\"tuna, \"\"c\"\"\",30.5,-0.5", lines);
        Assert.Contains("Other measures,Held-out responses,NLL (nats/token),tuna <p>,1.1,-0.19999999999999996", lines);
    }

    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+1", "'+1")]
    [InlineData("-cmd", "'-cmd")]
    [InlineData("@sum", "'@sum")]
    [InlineData("\tx", "'\tx")]
    [InlineData("=a,b", "\"'=a,b\"")]
    [InlineData("a=b", "a=b")]
    public void ToCsv_NameThatASpreadsheetWouldCompute_IsText(string name, string cell)
    {
        var table = new ComparisonTable("t", [new("", "m", 1)], [new(name, [-0.5])]);
        Assert.Equal($"t,,m,{cell},-0.5,", Assert.Single(table.ToCsv()));
    }

    [Fact]
    public void ToHtml_Page_IsSelfContainedAndEscaped()
    {
        string html = Report().ToHtml();
        Assert.DoesNotContain("tuna <p>", html, StringComparison.Ordinal);
        Assert.Contains("tuna &lt;p&gt;", html, StringComparison.Ordinal);
        foreach (string loads in new[] { "src=", "href=", "@import", "url(", "<script" })
            Assert.DoesNotContain(loads, html, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("<svg", html, StringComparison.Ordinal);
        Assert.Contains("<span class=\"delta down\">(-0.5)</span>", html, StringComparison.Ordinal);
        Assert.Contains("<span class=\"delta up\">(-0.2000)</span>", html, StringComparison.Ordinal); // a lower NLL is better
        Assert.Contains("<span class=\"delta same\">(+0.0)</span>", html, StringComparison.Ordinal);
        Assert.Contains("question &#39;3&#39;", html, StringComparison.Ordinal);
        // Every tag is closed: the body is well-formed once the void elements of the head are gone.
        string body = html[html.IndexOf("<body>", StringComparison.Ordinal)..html.IndexOf("</html>", StringComparison.Ordinal)];
        Assert.NotNull(XDocument.Parse(body).Root);
        Assert.Equal(html, Report().ToHtml());
    }

    [Fact]
    public void Save_Report_WritesThreeFiles()
    {
        Report().Save(_folder.File("out"));
        Assert.Equal(["report.csv", "report.html", "report.txt"], Directory.GetFiles(_folder.File("out")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Constructor_BadModels_Throws()
    {
        Assert.Throws<ArgumentException>(() => ComparisonReport.Of([]));
        Assert.Contains("'a'", Assert.Throws<ArgumentException>(() => ComparisonReport.Of([new("a"), new("a")])).Message,
            StringComparison.Ordinal);
        Assert.Contains("'x'", Assert.Throws<ArgumentException>(() => ComparisonReport.Of([new("a")], "x")).Message,
            StringComparison.Ordinal);
        Assert.Empty(ComparisonReport.Of([new("a")]).Tables); // nothing was measured
    }

    [Fact]
    public void Table_MissingValues_AreEmptyAndNotCompared()
    {
        var table = new ComparisonTable("t", [new("", "x"), new("", "y", 2, LowerIsBetter: true)],
            [new("a", [1, null]), new("b", [-0.04, 2])], "a");
        Assert.Equal(["1.0", "", "0.0 (-1.0)", "2.00"], table.Rows.SelectMany(row => new[] { table.Cell(row, 0), table.Cell(row, 1) }));
        Assert.True(table.IsBest(table.Rows[0], 0));
        Assert.False(table.IsBest(table.Rows[1], 1)); // alone
    }

    [Fact]
    public void ToText_TooManyMeasuresForALine_HasThemAsRows()
    {
        ComparisonColumn[] columns = [.. Enumerable.Range(0, 12).Select(c => new ComparisonColumn("benchmark", $"measure {c}"))];
        var table = new ComparisonTable("t", columns,
            [new("a", [.. columns.Select((_, c) => (double?)c)]), new("b", [.. columns.Select((_, c) => (double?)(c + 1))])], "a");

        string[] lines = table.ToText().Split('\n');
        Assert.Equal("                      a     b", lines[1]);
        Assert.Equal("benchmark measure 11  11.0  12.0 (+1.0)", lines[^2]);
        Assert.All(lines, line => Assert.True(line.Length <= 120));
    }

    [Fact]
    public void ToHtml_TablesNotesAndCharts_StandInOrder()
    {
        var table = new ComparisonTable("own table", [new("", "x")], [new("a", [1]), new("b", [null])], "a");
        var report = new ComparisonReport(
            [new("own table", table.Columns, table.Rows, "a") { Charts = [table.ToBars([0], new() { Title = "bars" })] }], "a")
        {
            Notes = ["a <note>"],
            Charts = ["<svg>curve</svg>"],
            Issues = [("b", "no prediction")],
        };

        string html = report.ToHtml();
        int[] places = [.. new[] { "a &lt;note&gt;", "own table", ">bars<", "<svg>curve</svg>",
            "no prediction" }.Select(part => html.IndexOf(part, StringComparison.Ordinal))];
        Assert.DoesNotContain(-1, places);
        Assert.Equal(places.Order(), places);
        Assert.Contains("b: no prediction", report.ToText(), StringComparison.Ordinal);
    }

    internal static ComparisonReport Report() =>
        ComparisonReport.Of([Alpaca(), Tuna("tuna <p>", 36.5, 38, 0.62, 1.1), Tuna("tuna, \"c\"", 30, 30.5, 0.48, 1.35)], "alpaca",
        "Tuna and its baselines");

    private static ModelResults Alpaca() => new("alpaca")
    {
        ZeroShot = Natural(30),
        TwoShot = Natural(31),
        LMentry = LMentry("alpaca", 5),
        HeldOut = new HeldOutNll(10, 100, 130, 1.3),
    };

    private static ModelResults Tuna(string name, double zero, double two, double win, double nll) => new(name)
    {
        ZeroShot = Natural(zero),
        TwoShot = Natural(two),
        LMentry = LMentry(name, (int)(win * 10)),
        Vicuna = Vicuna(name, win),
        HeldOut = new HeldOutNll(10, 100, nll * 100, nll),
        BertScore = new BertScoreResult(0.8, 0.75),
        Human = new HumanScore(name, 3.4, 2.6, 0.3),
    };

    private static NaturalReport Natural(double rouge)
    {
        string[] categories = ["Textual Entailment", "Word Analogy", "Question Rewriting", "Title Generation", "Data to Text",
            "Grammar Error Correction"];
        return new NaturalReport("m", new("overall", 600, rouge / 2, rouge),
            [.. categories.Select((name, i) => new NaturalMean(name, 100, rouge / 2, rouge + (6 * i) - 15))], [],
            new Dictionary<string, NaturalScore>(), []);
    }

    private static LMentryReport LMentry(string name, int correct)
    {
        var outcomes = Enumerable.Range(0, 30)
            .Select(i => new LMentryOutcome(i % 3, new LMentryVerdict((i * 7) % 10 < correct, true), i / 3 % 2)).ToList();
        return new LMentryReport(name, LMentryTasks.All.Select(task => LMentryTaskResult.Of(task, 10, 3, outcomes)));
    }

    private static VicunaReport Vicuna(string name, double win)
    {
        string[] categories = ["generic", "knowledge", "roleplay", "math"];
        List<VicunaJudgment> judgments =
        [
            .. Enumerable.Range(0, 80)
                .Select(i => new VicunaJudgment($"{i}", categories[i % 4], name, "alpaca", i == 3 ? MatchOutcome.Error
                : (i * 37) % 80 < win * 80 ? MatchOutcome.Win : i % 3 == 0 ? MatchOutcome.Tie : MatchOutcome.Loss, [])),
        ];
        return new VicunaReport(
            name, "alpaca", new VerdictProtocol().Name, VicunaScore.Of("overall", judgments, 200, 0),
            [.. categories.Select(category => VicunaScore.Of(category, [.. judgments.Where(j => j.Category == category)], 200, 0))],
                judgments, CallUsage.None, ["question '3': the judge did not answer: gone"]);
    }
}
