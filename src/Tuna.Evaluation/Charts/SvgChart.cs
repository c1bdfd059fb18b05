using System.Globalization;

namespace Tuna.Evaluation.Charts;

/// <summary>Draws charts as self-contained SVG text: no script, no style sheet, no fonts to load; dark on white.</summary>
/// <remarks>The text stands alone as a file or inside HTML. The same data always give the same bytes.</remarks>
public static class SvgChart
{
    private const int MaxLinePoints = 2000;

    /// <summary>Lines through points in the order given, with one series per colour.</summary>
    /// <exception cref="ArgumentException">A series has not as many X as Y.</exception>
    public static string Line(ChartLayout layout, params IReadOnlyList<ChartSeries> series)
    {
        ChartFrame frame = Points(layout, series, squares: false, out ChartAxis x, out ChartAxis y);
        for (int s = 0; s < series.Count; s++)
        {
            foreach (List<(double X, double Y)> run in Runs(Thinned(series[s]), frame, x, y))
            {
                if (run.Count == 1)
                    frame.Canvas.Circle(run[0].X, run[0].Y, 2.5, ChartFrame.Color(s));
                else
                    frame.Canvas.Polyline(run, ChartFrame.Color(s));
            }
        }

        return frame.Canvas.Finish();
    }

    /// <summary>A dot per point.</summary>
    /// <exception cref="ArgumentException">A series has not as many X as Y.</exception>
    public static string Scatter(ChartLayout layout, params IReadOnlyList<ChartSeries> series)
    {
        ChartFrame frame = Points(layout, series, squares: true, out ChartAxis x, out ChartAxis y);
        double opacity = series.Sum(s => s.X.Count) > 300 ? 0.35 : 0.7;
        for (int s = 0; s < series.Count; s++)
        {
            foreach (List<(double X, double Y)> run in Runs(series[s], frame, x, y))
            {
                foreach ((double px, double py) in run)
                    frame.Canvas.Circle(px, py, 2.5, ChartFrame.Color(s), opacity);
            }
        }

        return frame.Canvas.Finish();
    }

    /// <summary>Bars side by side for each category.</summary>
    /// <param name="layout">Titles and size.</param>
    /// <param name="categories">Names below the bars.</param>
    /// <param name="series">One bar of each per category.</param>
    /// <exception cref="ArgumentException">A series has not one value per category.</exception>
    public static string Bar(ChartLayout layout, IReadOnlyList<string> categories, params IReadOnlyList<BarSeries> series)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(categories);
        ArgumentNullException.ThrowIfNull(series);
        foreach (BarSeries bars in series)
        {
            if (bars.Values.Count != categories.Count || (bars.Errors is { } e && e.Count != categories.Count))
                throw new ArgumentException(
                    $"Series '{bars.Name}' has {bars.Values.Count} values and {bars.Errors?.Count ?? 0} errors for {categories.Count} "
                    + $"categories.", nameof(series));
        }

        var frame = new ChartFrame(layout, [.. series.Select(s => s.Name)], squares: true);
        ChartAxis axis = ChartAxis.Over(series.SelectMany(Extent), 5, fromZero: true);
        double room = frame.CategoryRoom(categories);
        frame.YAxis(axis, room, room == 0 ? "" : categories[0]);
        frame.XAxis(categories, room);
        double slot = (frame.Right - frame.Left) / Math.Max(1, categories.Count);
        double width = Math.Min(60, slot * 0.76 / Math.Max(1, series.Count));
        double zero = axis.Place(0, frame.Bottom, frame.Top);
        for (int s = 0; s < series.Count; s++)
        {
            for (int c = 0; c < categories.Count; c++)
            {
                double value = series[s].Values[c];
                if (!double.IsFinite(value))
                    continue;
                double left = frame.Left + ((c + 0.5) * slot) + ((s - (series.Count / 2.0)) * width);
                double end = axis.Place(value, frame.Bottom, frame.Top);
                frame.Canvas.Rectangle(left, Math.Min(zero, end), width - 1, Math.Abs(zero - end), ChartFrame.Color(s),
                    tip: string.Create(CultureInfo.InvariantCulture, $"{categories[c]}, {series[s].Name}: {value:G5}"));
                if (series[s].Errors?[c] is { } error && error > 0 && double.IsFinite(error))
                    ErrorBar(frame, left + ((width - 1) / 2), axis.Place(value - error, frame.Bottom, frame.Top),
                        axis.Place(value + error, frame.Bottom, frame.Top));
            }
        }

        if (!series.SelectMany(s => s.Values).Any(double.IsFinite))
            frame.NoData();
        return frame.Canvas.Finish();
    }

    /// <summary>How many values fall into equal bins; several series lie over one another, half transparent.</summary>
    /// <param name="layout">Titles and size; an empty vertical title becomes "count".</param>
    /// <param name="bins">Number of bins, [1, 500]; 0 chooses by the rule of Freedman and Diaconis.</param>
    /// <param name="series">The values.</param>
    public static string Histogram(ChartLayout layout, int bins, params IReadOnlyList<HistogramSeries> series)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(series);
        if (bins is < 0 or > 500)
            throw new ArgumentOutOfRangeException(nameof(bins), bins, "A histogram has 1 to 500 bins, or 0 to choose.");
        double[] all = [.. series.SelectMany(s => s.Values).Where(double.IsFinite)];
        Array.Sort(all);
        ChartAxis x = ChartAxis.Over(all, 8, tight: true);
        int count = bins > 0 ? bins : ChooseBins(all);
        int[][] counts = [.. series.Select(s => Count(s.Values, x, count))];

        var frame = new ChartFrame(layout.YTitle.Length > 0
            ? layout : layout with { YTitle = "count" }, [.. series.Select(s => s.Name)], squares: true);
        double most = counts.SelectMany(c => c).DefaultIfEmpty().Max();
        ChartAxis y = layout.LogCounts ? ChartAxis.OverCounts(most) : ChartAxis.Over([most], 5, fromZero: true);
        frame.YAxis(y);
        frame.XAxis(x);
        double width = (frame.Right - frame.Left) / count;
        for (int s = 0; s < counts.Length; s++)
        {
            for (int b = 0; b < count; b++)
            {
                if (counts[s][b] == 0)
                    continue;
                double top = y.Place(layout.LogCounts ? Math.Log10(counts[s][b]) : counts[s][b], frame.Bottom, frame.Top);
                double from = x.Min + ((x.Max - x.Min) * b / count), to = x.Min + ((x.Max - x.Min) * (b + 1) / count);
                frame.Canvas.Rectangle(frame.Left + (b * width), top, Math.Max(0.5, width - 0.8), frame.Bottom - top, ChartFrame.Color(s),
                    series.Count > 1 ? 0.5 : 0.9,
                    string.Create(CultureInfo.InvariantCulture, $"{from:G4} to {to:G4}: {counts[s][b]}"));
            }
        }

        if (all.Length == 0)
            frame.NoData();
        return frame.Canvas.Finish();
    }

    /// <summary>Several charts of one size in one picture.</summary>
    /// <param name="charts">Pictures made by this class.</param>
    /// <param name="columns">Charts in a row, >= 1.</param>
    /// <param name="width">Width of each chart as it was drawn.</param>
    /// <param name="height">Height of each.</param>
    /// <param name="title">Above all, or empty.</param>
    public static string Grid(IReadOnlyList<string> charts, int columns, int width, int height, string title = "")
    {
        ArgumentNullException.ThrowIfNull(charts);
        ArgumentNullException.ThrowIfNull(title);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        int head = title.Length > 0 ? 36 : 0;
        int rows = (charts.Count + columns - 1) / columns;
        var canvas = new SvgCanvas(Math.Min(columns, Math.Max(1, charts.Count)) * width, head + (rows * height), title);
        if (head > 0)
            canvas.Text(title, Math.Min(columns, Math.Max(1, charts.Count)) * width / 2.0, 25, 18, "middle", bold: true);
        for (int i = 0; i < charts.Count; i++)
            canvas.Insert(charts[i], i % columns * width, head + (i / columns * height));
        return canvas.Finish();
    }

    private static ChartFrame Points(ChartLayout layout, IReadOnlyList<ChartSeries> series, bool squares, out ChartAxis x, out ChartAxis y)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(series);
        foreach (ChartSeries s in series)
        {
            if (s.X.Count != s.Y.Count)
                throw new ArgumentException($"Series '{s.Name}' has {s.X.Count} abscissas and {s.Y.Count} ordinates.", nameof(series));
        }

        (double X, double Y)[] shown =
            [.. series.SelectMany(s => s.X.Zip(s.Y)).Where(p => double.IsFinite(p.First) && double.IsFinite(p.Second))];
        var frame = new ChartFrame(layout, [.. series.Select(s => s.Name)], squares);
        x = ChartAxis.Over(shown.Select(p => p.X), 8, tight: true, whole: layout.WholeX);
        y = ChartAxis.Over(shown.Select(p => p.Y), 5, layout.FromZero);
        frame.YAxis(y);
        frame.XAxis(x);
        if (shown.Length == 0)
            frame.NoData();
        return frame;
    }

    // The stretches of a series between points that are not finite, in pixels.
    private static IEnumerable<List<(double X, double Y)>> Runs(ChartSeries series, ChartFrame frame, ChartAxis x, ChartAxis y)
    {
        var run = new List<(double, double)>();
        for (int i = 0; i < series.X.Count; i++)
        {
            if (double.IsFinite(series.X[i]) && double.IsFinite(series.Y[i]))
            {
                run.Add((x.Place(series.X[i], frame.Left, frame.Right), y.Place(series.Y[i], frame.Bottom, frame.Top)));
            }
            else if (run.Count > 0)
            {
                yield return run;
                run = [];
            }
        }

        if (run.Count > 0)
            yield return run;
    }

    // A long line keeps the lowest and highest point of each stretch: what the eye sees at this width.
    private static ChartSeries Thinned(ChartSeries series)
    {
        int n = series.X.Count;
        if (n <= MaxLinePoints)
            return series;
        var kept = new List<int>(MaxLinePoints + 2);
        int buckets = MaxLinePoints / 2;
        for (int b = 0; b < buckets; b++)
        {
            int from = (int)((long)n * b / buckets), to = (int)((long)n * (b + 1) / buckets);
            int low = from, high = from;
            for (int i = from; i < to; i++)
            {
                if (series.Y[i] < series.Y[low] || double.IsNaN(series.Y[low]))
                    low = i;
                if (series.Y[i] > series.Y[high] || double.IsNaN(series.Y[high]))
                    high = i;
            }

            kept.Add(Math.Min(low, high));
            if (low != high)
                kept.Add(Math.Max(low, high));
        }

        return new(series.Name, [.. kept.Select(i => series.X[i])], [.. kept.Select(i => series.Y[i])]);
    }

    private static IEnumerable<double> Extent(BarSeries bars)
    {
        for (int c = 0; c < bars.Values.Count; c++)
        {
            double error = bars.Errors?[c] is { } e && e > 0 && double.IsFinite(e) ? e : 0;
            yield return bars.Values[c] - error;
            yield return bars.Values[c] + error;
        }
    }

    private static void ErrorBar(ChartFrame frame, double x, double low, double high)
    {
        frame.Canvas.Line(x, low, x, high, "#222222", 1.2);
        frame.Canvas.Line(x - 4, low, x + 4, low, "#222222", 1.2);
        frame.Canvas.Line(x - 4, high, x + 4, high, "#222222", 1.2);
    }

    private static int[] Count(IReadOnlyList<double> values, ChartAxis axis, int bins)
    {
        var counts = new int[bins];
        foreach (double value in values)
        {
            if (double.IsFinite(value))
                counts[Math.Clamp((int)((value - axis.Min) / (axis.Max - axis.Min) * bins), 0, bins - 1)]++;
        }

        return counts;
    }

    // Width 2 IQR / n^(1/3); when half of the values are equal that is nothing, and 20 bins serve.
    private static int ChooseBins(double[] sorted)
    {
        if (sorted.Length < 2)
            return 10;
        double width = 2 * (sorted[sorted.Length * 3 / 4] - sorted[sorted.Length / 4]) / Math.Cbrt(sorted.Length);
        double range = sorted[^1] - sorted[0];
        return width > 0 ? (int)Math.Clamp(Math.Ceiling(range / width), 5, 60) : 20;
    }
}
