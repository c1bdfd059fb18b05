using System.Globalization;

namespace Tuna.Cli.Terminal;

/// <summary>Counts finished work and shows it: rate, time left, and what the stage wants to tell (loss, cost).</summary>
/// <remarks>Thread-safe. Work that an earlier run had finished counts as done but not for the rate.</remarks>
internal sealed class Meter
{
    private readonly Lock _gate = new();
    private readonly IMeterView _view;
    private readonly TimeProvider _time;
    private readonly long _start;
    private long _before;
    private readonly string _unit;
    private long _done;

    /// <param name="view">Shows the figures.</param>
    /// <param name="time">The clock.</param>
    /// <param name="what">Names the work.</param>
    /// <param name="unit">What is counted, in the plural.</param>
    /// <param name="total">How many there are in all.</param>
    /// <param name="before">How many were done before this run.</param>
    public Meter(IMeterView view, TimeProvider time, string what, string unit, long total, long before)
    {
        _view = view;
        _time = time;
        _start = time.GetTimestamp();
        _unit = unit;
        What = what;
        Total = total;
        _before = _done = before;
        Show("");
    }

    public string What { get; }

    public long Total { get; }

    /// <summary>Sets how much was done before this run, where that turns out after the beginning.</summary>
    public void GoOnFrom(long before)
    {
        lock (_gate)
        {
            _before = _done = before;
            Show("");
        }
    }

    /// <summary>Sets how much is done.</summary>
    public void At(long done, string status = "")
    {
        lock (_gate)
        {
            _done = done;
            Show(status);
        }
    }

    /// <summary>Adds to what is done.</summary>
    public void Add(long count, string status = "")
    {
        lock (_gate)
        {
            _done += count;
            Show(status);
        }
    }

    private void Show(string status)
    {
        TimeSpan elapsed = _time.GetElapsedTime(_start);
        double rate = elapsed > TimeSpan.Zero ? (_done - _before) / elapsed.TotalSeconds : 0;
        TimeSpan? left = rate > 0 ? TimeSpan.FromSeconds(Math.Min((Total - _done) / rate, 1e7)) : null;
        _view.Show(new(What, _unit, _done, Total, elapsed, rate, left, status));
    }
}

/// <summary>The figures at one moment.</summary>
internal sealed record MeterReading(string What, string Unit, long Done, long Total, TimeSpan Elapsed, double PerSecond,
    TimeSpan? Remaining, string Status)
{
    public double Share => Total == 0 ? 1 : (double)Done / Total;

    public override string ToString()
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{What}: {Done}/{Total} {Unit} ({Share:P0}), {Rate}");
        if (Remaining is { } left && Done < Total)
            text += $", {Duration.Text(left)} left";
        return Status.Length > 0 ? $"{text}, {Status}" : text;
    }

    public string Rate => string.Create(CultureInfo.InvariantCulture,
        $"{(PerSecond >= 10 ? $"{PerSecond:0}" : $"{PerSecond:0.##}")} {Unit}/s");
}

/// <summary>Shows a meter.</summary>
internal interface IMeterView
{
    /// <summary>Called at every change, under the meter's lock.</summary>
    void Show(MeterReading reading);
}
