using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;

namespace Tuna.Chat;

/// <summary>What stands between a caller and a service (<see cref="ChatClientBuilderExtensions.UseCallPipeline"/>).</summary>
public sealed record CallPipelineOptions
{
    /// <summary>Where calls are written down; null for nowhere, which suits tests and free models only. It stays the caller's to
    /// dispose.</summary>
    public CallJournal? Journal { get; init; }

    /// <summary>Retries.</summary>
    public ResilienceOptions Resilience { get; init; } = new();

    /// <summary>Limits of rate and concurrency.</summary>
    public ThrottleOptions Throttle { get; init; } = new();

    /// <summary>How long one try may take, waiting for its turn not counted; <see cref="Timeout.InfiniteTimeSpan"/> for no limit. Default 5
    /// min.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long calls that were sent may still take when the run is cancelled, at least 0: they are paid for, and their replies go into the
    /// journal. No further call is sent meanwhile. Default 30 s.
    /// </summary>
    public TimeSpan CancellationGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether prompts and replies go into traces too; otherwise their lengths in tokens, the model and what became of a call do.
    /// Default false.</summary>
    public bool TraceTexts { get; init; }

    /// <summary>What may be spent; it also counts what was. Default: no limit.</summary>
    public CallBudget Budget { get; init; } = new();

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the setting that is out of range.</exception>
    /// <exception cref="ArgumentException">A setting is missing; names it.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Resilience);
        ArgumentNullException.ThrowIfNull(Throttle);
        ArgumentNullException.ThrowIfNull(Budget);
        Resilience.Validate();
        Throttle.Validate();
        if (CallTimeout <= TimeSpan.Zero && CallTimeout != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(nameof(CallTimeout), CallTimeout, "It is above 0, or infinite.");
        ArgumentOutOfRangeException.ThrowIfLessThan(CancellationGrace, TimeSpan.Zero);
    }
}
