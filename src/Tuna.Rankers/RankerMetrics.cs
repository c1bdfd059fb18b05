using System.Diagnostics.Metrics;

namespace Tuna.Rankers;

/// <summary>The counters of <c>System.Diagnostics.Metrics</c> that judges keep, under the meter <see cref="MeterName"/>. Their calls are
/// counted by <see cref="Chat.ChatMetrics"/>.</summary>
public static class RankerMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = TunaTelemetry.Name;

    private static readonly Meter Meter = new(MeterName);

    internal static Counter<long> ParseFailures { get; } =
        Meter.CreateCounter<long>("tuna.ranker.parse_failures", "{reply}", "Replies that were no complete ranking.");
}
