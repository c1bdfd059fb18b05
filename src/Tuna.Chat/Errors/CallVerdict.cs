namespace Tuna.Chat.Errors;

/// <summary>What a failed call means for the row and for the run.</summary>
public enum CallVerdict
{
    /// <summary>The same call may succeed later.</summary>
    Retry,

    /// <summary>The model answered badly: it is asked again, in other words.</summary>
    ReAsk,

    /// <summary>This row cannot be answered; others can.</summary>
    GiveUp,

    /// <summary>No call can succeed: the key, the model or the quota is wrong.</summary>
    Stop,
}

/// <summary>A classified failure.</summary>
/// <param name="Verdict">What it means.</param>
/// <param name="Reason">Why, in a few words.</param>
/// <param name="RetryAfter">How long the service asks to be left alone.</param>
/// <param name="Refused">Whether a content filter refused.</param>
/// <param name="Error">What the service said, if it answered.</param>
public sealed record CallDecision(CallVerdict Verdict, string Reason, TimeSpan? RetryAfter = null, bool Refused = false,
    ServiceError? Error = null);

/// <summary>A call failed for good: it was not worth retrying, or the retries are used up.</summary>
public sealed class CallFailedException : Exception
{
    /// <summary>Creates the exception.</summary>
    public CallFailedException(CallDecision decision, int attempts, Exception? innerException = null)
        : base($"{decision?.Reason} ({attempts} "
            + $"{(attempts == 1 ? "attempt" : "attempts")}).{(innerException is null ? "" : " " + innerException.Message)}", innerException)
    {
        ArgumentNullException.ThrowIfNull(decision);
        Decision = decision;
        Attempts = attempts;
    }

    /// <summary>What the failure means.</summary>
    public CallDecision Decision { get; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; }
}
