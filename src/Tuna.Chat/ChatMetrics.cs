using System.Diagnostics.Metrics;

namespace Tuna.Chat;

/// <summary>The counters of <c>System.Diagnostics.Metrics</c> that calls keep, under the meter <see cref="MeterName"/>. How long calls take
/// and what tokens they use, <see cref="Microsoft.Extensions.AI.OpenTelemetryChatClient"/> counts under the same name
/// (<c>gen_ai.client.*</c>).</summary>
public static class ChatMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = TunaTelemetry.Name;

    private static readonly Meter Meter = new(MeterName);

    internal static Counter<long> Calls { get; } = Meter.CreateCounter<long>("tuna.chat.calls", "{call}", "Calls answered by the service.");

    internal static Counter<long> FailedCalls { get; } =
        Meter.CreateCounter<long>("tuna.chat.failed_calls", "{call}", "Calls that the service failed, each try counted.");

    internal static Counter<long> Replayed { get; } =
        Meter.CreateCounter<long>("tuna.chat.replayed_calls", "{call}", "Calls answered from a journal, free of charge.");

    internal static Counter<double> Cost { get; } =
        Meter.CreateCounter<double>("tuna.chat.cost", description: "Money spent, in the price table's currency.");

    internal static Counter<long> Retries { get; } =
        Meter.CreateCounter<long>("tuna.chat.retries", "{call}", "Calls repeated after a failure.");
}
