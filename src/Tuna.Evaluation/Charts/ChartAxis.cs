using System.Globalization;

namespace Tuna.Evaluation.Charts;

/// <summary>An axis with round ticks: which values it spans, where its ticks are and how they read.</summary>
internal sealed class ChartAxis
{
    private readonly double _step;
    private readonly bool _logarithmic;

    private ChartAxis(double powers)
    {
        (Min, Max, _step, _logarithmic) = (-0.3, powers, 1, true);
        Ticks = [.. Enumerable.Range(0, (int)powers + 1).Select(p => (double)p)];
    }

    private ChartAxis(double min, double max, double step)
    {
        Min = min;
        Max = max;
        _step = step;
        int first = (int)Math.Ceiling((min / step) - 1e-9);
        int last = (int)Math.Floor((max / step) + 1e-9);
        var ticks = new double[last - first + 1];
        for (int i = 0; i < ticks.Length; i++)
            ticks[i] = (first + i) * step;
        Ticks = ticks;
    }

    public double Min { get; }

    public double Max { get; }

    public IReadOnlyList<double> Ticks { get; }

    /// <summary>An axis over the values, widened to round ends; about <paramref name="ticks"/> ticks.</summary>
    /// <param name="values">What is shown; values that are not finite do not count.</param>
    /// <param name="ticks">How many ticks would be good.</param>
    /// <param name="fromZero">Whether zero must be on the axis.</param>
    /// <param name="tight">Whether the axis ends at the values instead of at ticks.</param>
    /// <param name="whole">Whether ticks stand at whole numbers only.</param>
    public static ChartAxis Over(IEnumerable<double> values, int ticks, bool fromZero = false, bool tight = false, bool whole = false)
    {
        double min = double.PositiveInfinity, max = double.NegativeInfinity;
        foreach (double value in values)
        {
            if (!double.IsFinite(value))
                continue;
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        if (min > max)
            (min, max) = (0, 1);
        if (fromZero)
            (min, max) = (Math.Min(0, min), Math.Max(0, max));
        if (max - min <= 1e-12 * Math.Max(Math.Abs(min), Math.Abs(max)))
        {
            // One value alone: some room around it.
            double room = max == 0 ? 1 : Math.Abs(max) * 0.1;
            (min, max) = fromZero && max == 0 ? (0, 1) : (min - room, max + room);
        }

        double step = RoundStep((max - min) / Math.Max(1, ticks));
        if (whole)
            step = Math.Max(1, Math.Ceiling(step));
        return tight ? new(min, max, step) : new(Math.Floor((min / step) + 1e-9) * step, Math.Ceiling((max / step) - 1e-9) * step, step);
    }

    /// <summary>An axis of the decimal logarithms of counts: a count of one stands a little above the bottom.</summary>
    public static ChartAxis OverCounts(double largest) => new(Math.Max(1, Math.Ceiling(Math.Log10(Math.Max(1, largest)) - 1e-9)));

    /// <summary>Position of a value on [from, to].</summary>
    public double Place(double value, double from, double to) => from + ((value - Min) / (Max - Min) * (to - from));

    /// <summary>A tick as text: as many decimals as the step needs, k, M and G for large values, powers of ten for tiny and huge
    /// ones.</summary>
    public string Text(double tick)
    {
        if (_logarithmic)
            return Math.Pow(10, tick).ToString(tick < 6 ? "F0" : "0e0", CultureInfo.InvariantCulture);
        double largest = Math.Max(Math.Abs(Min), Math.Abs(Max));
        if (Math.Abs(tick) < _step * 1e-6)
            return "0";
        if (largest is < 1e-3 or >= 1e13)
            return tick.ToString("0.##e0", CultureInfo.InvariantCulture);
        (double unit, string suffix) = largest >= 1e10 ? (1e9, "G") : largest >= 1e7 ? (1e6, "M") : largest >= 1e4 ? (1e3, "k") : (1, "");
        int decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(_step / unit) - 1e-9), 0, 10);
        // 2.5 needs a decimal more than its order of magnitude.
        if (Math.Abs((_step / unit * Math.Pow(10, decimals)) - Math.Round(_step / unit * Math.Pow(10, decimals))) > 1e-6)
            decimals++;
        return (tick / unit).ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) + suffix;
    }

    /// <summary>The next of 1, 2, 2.5 and 5 times a power of ten.</summary>
    internal static double RoundStep(double step)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        double mantissa = step / power * (1 - 1e-9); // 2.0000000000000004 is 2
        return (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 2.5 ? 2.5 : mantissa <= 5 ? 5 : 10) * power;
    }
}
