using System.Diagnostics.Metrics;

namespace Tuna.Rankers;

/// <summary>The counters of <c>System.Diagnostics.Metrics</c> that judges keep, under the meter <see cref="TunaTelemetry.Name"/>. Their
/// calls are counted by <c>Tuna.Chat</c>.</summary>
internal static class RankerMetrics
{
    private static readonly Meter Meter = new(TunaTelemetry.Name);

    public static Counter<long> ParseFailures { get; } =
        Meter.CreateCounter<long>("tuna.ranker.parse_failures", "{reply}", "Replies that were no complete ranking.");
}
