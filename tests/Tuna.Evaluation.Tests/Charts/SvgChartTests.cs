using System.Globalization;
using System.Xml.Linq;
using Tuna.Evaluation.Charts;

namespace Tuna.Evaluation.Tests.Charts;

public class SvgChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void Line_TwoSeries_HasTitlesTicksLegendAndPlacedPoints()
    {
        string text = SvgChart.Line(
            new() { Title = "T & <t>", XTitle = "step", YTitle = "loss" },
            new ChartSeries("train", [0, 1, 2], [0, 5, 10]), new ChartSeries("eval", [0, 2], [10, 0]));
        XElement svg = XElement.Parse(text);
        string[] texts = Texts(svg);
        Assert.Superset(new HashSet<string> { "T & <t>", "step", "loss", "train", "eval", "0", "2", "10" }, texts.ToHashSet());
        (double X, double Y)[][] lines = [.. svg.Elements(Svg + "polyline").Select(Points)];
        Assert.Equal([3, 2], lines.Select(l => l.Length));
        // The highest value is the smallest y; equal abscissas meet.
        Assert.True(lines[0][2].Y < lines[0][1].Y && lines[0][1].Y < lines[0][0].Y);
        Assert.Equal(lines[0][0].X, lines[1][0].X);
        Assert.Equal(lines[0][2].Y, lines[1][0].Y);
        Assert.Equal((lines[0][0].Y + lines[0][2].Y) / 2, lines[0][1].Y, 0.11);
    }

    [Fact]
    public void Line_NaN_BreaksTheLine()
    {
        XElement svg = XElement.Parse(SvgChart.Line(new(), new ChartSeries("a", [1, 2, double.NaN, 3, 4, double.PositiveInfinity, 5])));
        Assert.Equal(2, svg.Elements(Svg + "polyline").Count());
        Assert.Single(svg.Elements(Svg + "circle")); // the single point at the end
    }

    [Fact]
    public void Line_ManyPoints_KeepsTheExtremes()
    {
        double[] y = new double[100_000];
        y[31_234] = 50;
        y[77_777] = -50;
        (double X, double Y)[] points =
            Points(XElement.Parse(SvgChart.Line(new(), new ChartSeries("a", y))).Elements(Svg + "polyline").Single());
        Assert.InRange(points.Length, 100, 2000);
        Assert.Equal(1, points.Count(p => p.Y == points.Min(q => q.Y)));
        Assert.Equal(1, points.Count(p => p.Y == points.Max(q => q.Y)));
    }

    [Fact]
    public void Bar_NegativeAndMissingValues_StandOnZero()
    {
        XElement svg = XElement.Parse(SvgChart.Bar(new(), ["a", "b", "c"], new BarSeries("s", [2, -1, double.NaN], [0.5, 0, 0])));
        XElement[] bars = [.. svg.Elements(Svg + "rect").Where(r => r.Element(Svg + "title") is not null)];
        Assert.Equal(["a, s: 2", "b, s: -1"], bars.Select(b => b.Value));
        double Number(XElement e, string name) => double.Parse(e.Attribute(name)!.Value, CultureInfo.InvariantCulture);
        Assert.Equal(Number(bars[0], "y") + Number(bars[0], "height"), Number(bars[1], "y"), 0.11); // both end on the zero line
        Assert.Equal(2 * Number(bars[1], "height"), Number(bars[0], "height"), 0.3);
    }

    [Fact]
    public void Histogram_Values_AreCounted()
    {
        XElement svg = XElement.Parse(SvgChart.Histogram(new(), 4, new HistogramSeries("h", [0, 1, 1, 4, 4, 4, double.NaN])));
        Assert.Equal(["0 to 1: 1", "1 to 2: 2", "3 to 4: 3"], svg.Elements(Svg + "rect").Select(r => r.Value).Where(v => v.Length > 0));
        Assert.Contains("count", Texts(svg));
    }

    [Fact]
    public void Histogram_LogCounts_HasPowersOfTenAndEqualSteps()
    {
        double[] values = [.. Enumerable.Repeat(0.0, 100), .. Enumerable.Repeat(1.0, 10), 2];
        XElement svg = XElement.Parse(SvgChart.Histogram(new() { LogCounts = true }, 3, new HistogramSeries("h", values)));
        double[] tops = [.. svg.Elements(Svg + "rect").Where(r => r.Value.Length > 0)
            .Select(r => double.Parse(r.Attribute("y")!.Value, CultureInfo.InvariantCulture))];
        Assert.Equal(tops[1] - tops[0], tops[2] - tops[1], 0.21);
        Assert.Superset(new HashSet<string> { "1", "10", "100" }, Texts(svg).ToHashSet());
    }

    [Fact]
    public void Charts_WithoutData_SaySo()
    {
        string[] charts =
        [
            SvgChart.Line(new()), SvgChart.Line(new(), new ChartSeries("a", [])),
                SvgChart.Scatter(new(), new ChartSeries("a", [double.NaN])),
            SvgChart.Bar(new(), []), SvgChart.Bar(new(), ["x"], new BarSeries("s", [double.NaN])),
                SvgChart.Histogram(new(), 0, new HistogramSeries("h", [])),
        ];
        Assert.All(charts, chart => Assert.Contains("no data", Texts(XElement.Parse(chart))));
    }

    [Fact]
    public void Charts_OddTextAndValues_StayWellFormed()
    {
        string odd = "<b>\u0000 \ud800 \"q\" & \ud83d\ude00 \uffff";
        XElement.Parse(SvgChart.Line(new() { Title = odd, XTitle = odd, YTitle = odd }, new ChartSeries(odd, [1e300, -1e300]),
            new ChartSeries(odd, [0, 0])));
        XElement.Parse(SvgChart.Bar(new() { Title = odd }, [odd, new('x', 300)], new BarSeries(odd, [1e-300, 0])));
        XElement.Parse(SvgChart.Histogram(new(), 0, new HistogramSeries(odd, [5, 5, 5])));
        XElement grid = XElement.Parse(SvgChart.Grid([SvgChart.Line(new()), SvgChart.Line(new()), SvgChart.Line(new())], 2, 640, 360, odd));
        Assert.Equal(["0,36", "640,36", "0,396"],
            grid.Elements(Svg + "svg").Select(e => $"{e.Attribute("x")!.Value},{e.Attribute("y")!.Value}"));
    }

    [Fact]
    public void Charts_WrongLengths_AreRefused()
    {
        Assert.Contains("'a'", Assert.Throws<ArgumentException>(() => SvgChart.Line(new(), new ChartSeries("a", [1], [1, 2]))).Message);
        Assert.Contains("'b'", Assert.Throws<ArgumentException>(() => SvgChart.Bar(new(), ["x"], new BarSeries("b", [1, 2]))).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => SvgChart.Line(new() { Width = 10 }));
    }

    [Theory]
    [InlineData(0, 10, "0 2 4 6 8 10")]
    [InlineData(0.1, 0.9, "0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(-1, 1, "-1.0 -0.5 0 0.5 1.0")]
    [InlineData(0, 12.5, "0 2.5 5.0 7.5 10.0 12.5")]
    [InlineData(0, 52000, "0 20k 40k 60k")]
    [InlineData(0, 1e-5, "0 2e-6 4e-6 6e-6 8e-6 1e-5")]
    [InlineData(3, 3, "2.6 2.8 3.0 3.2 3.4")]
    public void Axis_Range_HasRoundTicks(double min, double max, string ticks)
    {
        ChartAxis axis = ChartAxis.Over([min, max], 5);
        Assert.Equal(ticks, string.Join(' ', axis.Ticks.Select(axis.Text)));
    }

    private static string[] Texts(XElement svg) => [.. svg.Elements(Svg + "text").Select(t => t.Value)];

    private static (double X, double Y)[] Points(XElement line) =>
        [.. line.Attribute("points")!.Value.Split(' ').Select(p => p.Split(','))
        .Select(p => (double.Parse(p[0], CultureInfo.InvariantCulture), double.Parse(p[1], CultureInfo.InvariantCulture)))];
}
