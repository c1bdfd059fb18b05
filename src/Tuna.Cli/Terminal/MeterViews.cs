using System.Text.Json.Nodes;
using Spectre.Console;
using Tuna.Text;

namespace Tuna.Cli.Terminal;

/// <summary>Shows nothing.</summary>
internal sealed class SilentView : IMeterView
{
    public void Show(MeterReading reading)
    {
    }
}

/// <summary>A bar that a terminal redraws.</summary>
internal sealed class BarView(ProgressTask task) : IMeterView
{
    public void Show(MeterReading reading)
    {
        task.MaxValue = Math.Max(reading.Total, 1);
        task.Value = reading.Total == 0 ? 1 : reading.Done;
        string left = reading.Remaining is { } time && reading.Done < reading.Total ? Duration.Text(time) + " left" : "";
        task.Description = Markup.Escape(
            ForeignText.Printable(string.Join("  ",
            new[] { reading.What, $"{reading.Done}/{reading.Total}", reading.Rate, left, reading.Status }.Where(s => s.Length > 0))));
    }
}

/// <summary>A line now and then, for logs: at every tenth of the way, and at least every ten seconds.</summary>
internal sealed class LineView(Action<MeterReading> write) : IMeterView
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private TimeSpan _last = TimeSpan.Zero;
    private int _tenth;
    private bool _first = true;

    public void Show(MeterReading reading)
    {
        int tenth = (int)(reading.Share * 10);
        bool due = !_first && ((tenth > _tenth && reading.Elapsed - _last > TimeSpan.FromSeconds(1)) || reading.Elapsed - _last >= Interval
            || (reading.Done == reading.Total && _tenth < 10));
        if (_first)
            _tenth = tenth;
        _first = false;
        if (!due)
            return;
        _last = reading.Elapsed;
        _tenth = tenth;
        write(reading);
    }

    public static JsonObject ToJson(MeterReading reading) => new()
    {
        ["event"] = "progress",
        ["stage"] = reading.What,
        ["unit"] = reading.Unit,
        ["done"] = reading.Done,
        ["total"] = reading.Total,
        ["elapsed_seconds"] = Math.Round(reading.Elapsed.TotalSeconds, 3),
        ["per_second"] = Math.Round(reading.PerSecond, 4),
        ["remaining_seconds"] = reading.Remaining is { } left ? Math.Round(left.TotalSeconds, 1) : null,
        ["status"] = reading.Status,
    };
}
