namespace Tuna.Evaluation.Charts;

/// <summary>What all charts share: title, legend, axes, grid, and the place that is left for the data.</summary>
internal sealed class ChartFrame
{
    private const double TextSize = 12;
    private const string Ink = "#222222", Faint = "#e4e4e4", Rule = "#8a8a8a";

    // Okabe and Ito's colours, which people with any colour vision tell apart; the yellow is left out, too faint on white.
    private static readonly string[] Palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f7f7f"];

    private readonly ChartLayout _layout;
    private readonly double _legendBottom;

    public ChartFrame(ChartLayout layout, IReadOnlyList<string> names, bool squares)
    {
        layout.Validate();
        _layout = layout;
        Canvas = new(layout.Width, layout.Height, layout.Title);
        double y = 8;
        if (layout.Title.Length > 0)
        {
            y += 17;
            Canvas.Text(layout.Title, layout.Width / 2.0, y, 15, "middle", bold: true);
            y += 5;
        }

        _legendBottom = names.Count > 1 ? Legend(names, y, squares) : y;
        Bottom = layout.Height - 26;
        if (layout.XTitle.Length > 0)
        {
            Canvas.Text(layout.XTitle, layout.Width / 2.0, layout.Height - 8, TextSize, "middle");
            Bottom -= 18;
        }
    }

    public SvgCanvas Canvas { get; }

    public double Left { get; private set; }

    public double Right { get; private set; }

    public double Top { get; private set; }

    public double Bottom { get; private set; }

    public static string Color(int series) => Palette[series % Palette.Length];

    /// <summary>Draws the vertical axis with its grid, once the room below it is known.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="roomBelow">Room for slanted labels.</param>
    /// <param name="slanted">The first slanted label, which reaches out to the left.</param>
    public void YAxis(ChartAxis axis, double roomBelow = 0, string slanted = "")
    {
        Bottom -= roomBelow;
        double labels = axis.Ticks.Select(axis.Text).Max(t => SvgCanvas.TextWidth(t, TextSize));
        Left = 14 + labels + (_layout.YTitle.Length > 0 ? 18 : 0);
        double reach = Math.Min(SvgCanvas.TextWidth(slanted, TextSize), roomBelow / 0.6) * 0.82;
        Left = Math.Min(Math.Max(Left, reach - 20), _layout.Width / 3.0);
        Right = _layout.Width - 18;
        Top = _legendBottom + 10;
        if (_layout.YTitle.Length > 0)
            Canvas.Text(_layout.YTitle, 15, (Top + Bottom) / 2, TextSize, "middle", Ink, -90);
        foreach (double tick in axis.Ticks)
        {
            double y = axis.Place(tick, Bottom, Top);
            Canvas.Line(Left, y, Right, y, Math.Abs(tick) < 1e-12 ? Rule : Faint);
            Canvas.Text(axis.Text(tick), Left - 6, y + 4, TextSize, "end", Ink);
        }
    }

    /// <summary>Draws a horizontal axis of numbers.</summary>
    public void XAxis(ChartAxis axis)
    {
        Canvas.Line(Left, Bottom, Right, Bottom, Rule);
        double lastEnd = double.NegativeInfinity;
        foreach (double tick in axis.Ticks)
        {
            double x = axis.Place(tick, Left, Right);
            Canvas.Line(x, Bottom, x, Bottom + 4, Rule);
            string text = axis.Text(tick);
            double half = SvgCanvas.TextWidth(text, TextSize) / 2;
            if (x - half < lastEnd + 6)
                continue; // labels never overlap
            Canvas.Text(text, x, Bottom + 17, TextSize, "middle", Ink);
            lastEnd = x + half;
        }
    }

    /// <summary>Height that slanted category labels need below the axis; 0 when they fit upright.</summary>
    public double CategoryRoom(IReadOnlyList<string> categories)
    {
        double slot = (_layout.Width - 70.0) / Math.Max(1, categories.Count);
        double widest = categories.Count == 0 ? 0 : categories.Max(c => SvgCanvas.TextWidth(c, TextSize));
        return widest <= slot - 4 ? 0 : Math.Min((widest * 0.6) + 2, _layout.Height * 0.35);
    }

    /// <summary>Draws a horizontal axis of categories.</summary>
    public void XAxis(IReadOnlyList<string> categories, double slantedRoom)
    {
        Canvas.Line(Left, Bottom, Right, Bottom, Rule);
        double slot = (Right - Left) / Math.Max(1, categories.Count);
        for (int i = 0; i < categories.Count; i++)
        {
            double x = Left + ((i + 0.5) * slot);
            if (slantedRoom == 0)
                Canvas.Text(categories[i], x, Bottom + 17, TextSize, "middle", Ink);
            else
                Canvas.Text(Shorten(categories[i], slantedRoom / 0.6), x + 4, Bottom + 13, TextSize, "end", Ink, -35);
        }
    }

    public void NoData() => Canvas.Text("no data", (Left + Right) / 2, (Top + Bottom) / 2, 14, "middle", Rule);

    private static string Shorten(string text, double width)
    {
        if (SvgCanvas.TextWidth(text, TextSize) <= width)
            return text;
        int length = text.Length;
        while (length > 1 && SvgCanvas.TextWidth(text[..length], TextSize) > width - TextSize)
            length--;
        return text[..length] + "\u2026";
    }

    private double Legend(IReadOnlyList<string> names, double y, bool squares)
    {
        const double Gap = 18, Mark = 18;
        double available = _layout.Width - 40;
        var rows = new List<List<(string Name, int Series, double Width)>> { new() };
        double used = 0;
        for (int i = 0; i < names.Count; i++)
        {
            string name = Shorten(names[i], available - Mark - Gap);
            double width = Mark + SvgCanvas.TextWidth(name, TextSize) + Gap;
            if (used > 0 && used + width > available)
            {
                rows.Add([]);
                used = 0;
            }

            rows[^1].Add((name, i, width));
            used += width;
        }

        foreach (List<(string Name, int Series, double Width)> row in rows)
        {
            y += 16;
            double x = (_layout.Width - row.Sum(e => e.Width) + Gap) / 2;
            foreach ((string name, int series, double width) in row)
            {
                if (squares)
                    Canvas.Rectangle(x, y - 10, 11, 11, Color(series));
                else
                    Canvas.Line(x, y - 4, x + 13, y - 4, Color(series), 3);
                Canvas.Text(name, x + Mark, y, TextSize, "start", Ink);
                x += width;
            }
        }

        return y + 4;
    }
}
