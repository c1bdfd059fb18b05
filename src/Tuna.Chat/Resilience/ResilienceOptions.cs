using Tuna.Chat.Errors;

namespace Tuna.Chat.Resilience;

/// <summary>How failed calls are repeated.</summary>
public sealed record ResilienceOptions
{
    /// <summary>How often a call is repeated after its first try, at least 0. Default 6.</summary>
    public int MaxRetries { get; init; } = 6;

    /// <summary>The first wait; it doubles from try to try, with jitter. At least 0. Default 1 s.</summary>
    public TimeSpan BaseDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait of that kind. Default 60 s.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The longest Retry-After that is waited for; a longer one ends the call. Default 10 min.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Seed of the jitter. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>What a failure means. Default: the common rules.</summary>
    public CallErrorClassifier Classifier { get; init; } = CallErrorClassifier.Default;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing or outside its range; the message says which.</exception>
    public void Validate()
    {
        if (MaxRetries is < 0 or > 1000)
            throw new ArgumentOutOfRangeException(nameof(MaxRetries), MaxRetries, "It is in [0, 1000].");
        if (BaseDelay < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(BaseDelay), BaseDelay, "It is at least 0.");
        if (MaxDelay < BaseDelay || MaxDelay > TimeSpan.FromHours(24))
            throw new ArgumentOutOfRangeException(nameof(MaxDelay), MaxDelay,
                $"It is at least {nameof(BaseDelay)}, {BaseDelay}, and at most a day.");
        if (MaxRetryAfter < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(MaxRetryAfter), MaxRetryAfter, "It is at least 0.");
        if (Classifier is null)
            throw new ArgumentException($"{nameof(Classifier)} is not set.");
    }
}
