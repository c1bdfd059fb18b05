using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Tuna.Rankers.Journaling;

namespace Tuna.Rankers.Calls;

/// <summary>Puts a client behind a journal, retries, a budget and limits, in the order that makes sense.</summary>
/// <remarks>
/// Journal, then retries, then budget and counters, then limits, then the time limit, then the client: what is in the journal costs nothing and waits for nothing; every try is
/// counted and takes its turn, and waiting for a turn is no part of its time. Each part can also be used alone.
/// </remarks>
public static class CallPipeline
{
    /// <summary>Composes the clients.</summary>
    /// <param name="client">The service; it is disposed with the result.</param>
    /// <param name="options">What to put before it.</param>
    /// <param name="timeProvider">The clock; the system's when null.</param>
    /// <param name="loggers">Makes the loggers; none when null.</param>
    public static IChatClient Create(IChatClient client, CallPipelineOptions? options = null, TimeProvider? timeProvider = null, ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        options ??= new CallPipelineOptions();
        IChatClient composed = new TimeLimitedChatClient(client, options.CallTimeout, options.CancellationGrace, timeProvider);
        composed = new ThrottledChatClient(composed, options.Throttle);
        composed = new MeteredChatClient(composed, options.Budget);
        composed = new ResilientChatClient(composed, options.Resilience, timeProvider, loggers?.CreateLogger<ResilientChatClient>());
        return options.Journal is { } journal ? new JournalingChatClient(composed, journal) : composed;
    }
}

/// <summary>What stands between a ranker and a service.</summary>
public sealed class CallPipelineOptions
{
    /// <summary>Where calls are written down; null for nowhere, which suits tests and free models only. It stays the caller's to dispose.</summary>
    public CallJournal? Journal { get; set; }

    /// <summary>Retries.</summary>
    public ResilienceOptions Resilience { get; set; } = new();

    /// <summary>Limits of rate and concurrency.</summary>
    public ThrottleOptions Throttle { get; set; } = new();

    /// <summary>How long one try may take, waiting for its turn not counted; <see cref="Timeout.InfiniteTimeSpan"/> for no limit. Default 5 min.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long calls that were sent may still take when the run is cancelled, at least 0: they are paid for, and their replies go into the journal. No further call is sent meanwhile. Default 30 s.
    /// </summary>
    public TimeSpan CancellationGrace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>What may be spent; it also counts what was. Default: no limit.</summary>
    public CallBudget Budget { get; set; } = new();
}
