namespace Tuna.Evaluation.Charts;

/// <summary>Points of one name and colour. Points with a NaN or infinite part are left out; a line is broken there.</summary>
/// <param name="Name">Shown in the legend.</param>
/// <param name="X">Abscissas, [points].</param>
/// <param name="Y">Ordinates, [points].</param>
public sealed record ChartSeries(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>A series over 0, 1, 2 ...</summary>
    public ChartSeries(string name, IReadOnlyList<double> y)
        : this(name, [.. Enumerable.Range(0, (y ?? throw new ArgumentNullException(nameof(y))).Count).Select(i => (double)i)], y)
    {
    }
}

/// <summary>One bar per category.</summary>
/// <param name="Name">Shown in the legend.</param>
/// <param name="Values">Heights, [categories]; NaN leaves a bar out.</param>
/// <param name="Errors">Half-lengths of error bars, [categories], >= 0, or null.</param>
public sealed record BarSeries(string Name, IReadOnlyList<double> Values, IReadOnlyList<double>? Errors = null);

/// <summary>Values to count in bins.</summary>
/// <param name="Name">Shown in the legend.</param>
/// <param name="Values">The values; those that are not finite are left out.</param>
public sealed record HistogramSeries(string Name, IReadOnlyList<double> Values);

/// <summary>Titles and size of a chart.</summary>
public sealed record ChartLayout
{
    /// <summary>Above the chart.</summary>
    public string Title { get; init; } = "";

    /// <summary>Below the horizontal axis, with the unit.</summary>
    public string XTitle { get; init; } = "";

    /// <summary>Beside the vertical axis, with the unit.</summary>
    public string YTitle { get; init; } = "";

    /// <summary>Width in pixels, [200, 4000]. Default 640.</summary>
    public int Width { get; init; } = 640;

    /// <summary>Height in pixels, [150, 4000]. Default 360.</summary>
    public int Height { get; init; } = 360;

    /// <summary>Whether the vertical axis starts at zero. Bars and histograms always do.</summary>
    public bool FromZero { get; init; }

    /// <summary>Whether the horizontal axis of lines and dots has ticks at whole numbers only, such as rounds.</summary>
    public bool WholeX { get; init; }

    /// <summary>Whether a histogram's counts stand on a logarithmic axis, so that rare values beside very frequent ones are seen.</summary>
    public bool LogCounts { get; init; }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        if (Width is < 200 or > 4000)
            throw new ArgumentOutOfRangeException(nameof(Width), Width, "A chart is 200 to 4000 pixels wide.");
        if (Height is < 150 or > 4000)
            throw new ArgumentOutOfRangeException(nameof(Height), Height, "A chart is 150 to 4000 pixels high.");
    }
}
