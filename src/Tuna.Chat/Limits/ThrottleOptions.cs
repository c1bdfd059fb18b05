namespace Tuna.Chat.Limits;

/// <summary>How much of a service may be used at once.</summary>
public sealed record ThrottleOptions
{
    /// <summary>Most calls under way at once, at least 1. Default 32.</summary>
    public int MaxConcurrentCalls { get; init; } = 32;

    /// <summary>Most calls started in a minute; null for no limit. Default null.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Most tokens in a minute, prompt and completion together; null for no limit. Default null.</summary>
    public int? TokensPerMinute { get; init; }

    /// <summary>Completion tokens a call is expected to need, until its reply tells; at least 0. Default 500.</summary>
    public int ExpectedOutputTokens { get; init; } = 500;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing or outside its range; the message says which.</exception>
    public void Validate()
    {
        if (MaxConcurrentCalls < 1)
            throw new ArgumentOutOfRangeException(nameof(MaxConcurrentCalls), MaxConcurrentCalls, "It is at least 1.");
        if (RequestsPerMinute is < 1)
            throw new ArgumentOutOfRangeException(nameof(RequestsPerMinute), RequestsPerMinute, "It is at least 1.");
        if (TokensPerMinute is < 600)
            throw new ArgumentOutOfRangeException(nameof(TokensPerMinute), TokensPerMinute, "It is at least 600.");
        if (ExpectedOutputTokens < 0)
            throw new ArgumentOutOfRangeException(nameof(ExpectedOutputTokens), ExpectedOutputTokens, "It is at least 0.");
    }
}
