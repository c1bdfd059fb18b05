using System.Diagnostics.Metrics;

namespace Tuna.Chat;

/// <summary>The counters of <c>System.Diagnostics.Metrics</c> that calls keep, under the meter <see cref="TunaTelemetry.Name"/>. How long
/// calls take and what tokens they use, <see cref="Microsoft.Extensions.AI.OpenTelemetryChatClient"/> counts under the same name
/// (<c>gen_ai.client.*</c>).</summary>
internal static class ChatMetrics
{
    private static readonly Meter Meter = new(TunaTelemetry.Name);

    public static Counter<long> Calls { get; } = Meter.CreateCounter<long>("tuna.chat.calls", "{call}", "Calls answered by the service.");

    public static Counter<long> FailedCalls { get; } =
        Meter.CreateCounter<long>("tuna.chat.failed_calls", "{call}", "Calls that the service failed, each try counted.");

    public static Counter<long> Replayed { get; } =
        Meter.CreateCounter<long>("tuna.chat.replayed_calls", "{call}", "Calls answered from a journal, free of charge.");

    public static Counter<double> Cost { get; } =
        Meter.CreateCounter<double>("tuna.chat.cost", description: "Money spent, in the price table's currency.");

    public static Counter<long> Retries { get; } =
        Meter.CreateCounter<long>("tuna.chat.retries", "{call}", "Calls repeated after a failure.");
}
