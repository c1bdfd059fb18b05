using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Limits;
using Tuna.IO;

namespace Tuna.Chat.Errors;

/// <summary>Decides what a failed call means. Replace it, or give it <see cref="Describe"/>, for a service with rules of its own.</summary>
/// <remarks>
/// Errors are known by <see cref="ChatServiceException"/>, by <see cref="HttpRequestException.StatusCode"/>, or through
/// <see cref="Describe"/>, which turns a client package's
/// own exceptions into a <see cref="ServiceError"/>. Thread-safe.
/// </remarks>
public class CallErrorClassifier
{
    /// <summary>The classifier with the default rules.</summary>
    public static CallErrorClassifier Default { get; } = new();

    /// <summary>Reads a client package's own exceptions; null for those it does not know.</summary>
    public Func<Exception, ServiceError?>? Describe { get; init; }

    /// <summary>Classifies an exception that is not the caller's own cancellation.</summary>
    public virtual CallDecision Classify(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (Find(exception) is { Status: > 0 } error)
            return Classify(error) with { Error = error };
        return exception switch
        {
            JournalWriteException => new(CallVerdict.Stop, "The journal cannot be written"),
            BudgetExhaustedException => new(CallVerdict.Stop, "The budget is spent"),
            TimeoutException or OperationCanceledException => new(CallVerdict.Retry, "The call timed out"),
            HttpRequestException or IOException or SocketException or ChatServiceException =>
                new(CallVerdict.Retry, "The connection failed"),
            JsonException => new(CallVerdict.Retry, "The service's answer is not the JSON it should be"),
            AggregateException { InnerExceptions: [var only] } => Classify(only),
            _ => new(CallVerdict.GiveUp, $"The client threw {exception.GetType().Name}"),
        };
    }

    /// <summary>Classifies an answer that came with success but holds nothing; null for one that can be used.</summary>
    public virtual CallDecision? Classify(ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return string.IsNullOrWhiteSpace(response.Text) && !IsPaidFor(response) && response.FinishReason != ChatFinishReason.ContentFilter
            && response.FinishReason != ChatFinishReason.Length
            ? new(CallVerdict.Retry, "The service's answer is empty")
            : null;
    }

    /// <summary>Classifies what a service said.</summary>
    protected virtual CallDecision Classify(ServiceError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        string reason = $"The service answered {error.Status}{(error.Code is null ? "" : $" ({error.Code})")}";
        return (error.Status, error.Code) switch
        {
            (_, "insufficient_quota" or "billing_hard_limit_reached" or "invalid_api_key" or "model_not_found") =>
                new(CallVerdict.Stop, reason),
            (_, ServiceError.NotUnderstood or ServiceError.TooLarge) => new(CallVerdict.GiveUp, reason),
            (_, "content_filter" or "content_policy_violation") => new(CallVerdict.GiveUp, reason, Refused: true),
            (400, "json_validate_failed") => new(CallVerdict.ReAsk, reason), // the service checked the model's reply against the schema
            (401 or 402 or 403 or 404, _) => new(CallVerdict.Stop, reason),
            (408 or 409 or 425 or 429 or (>= 500 and not 501), _) => new(CallVerdict.Retry, reason, error.RetryAfter),
            (>= 200 and < 300, _) => new(CallVerdict.Retry, reason + " with a body that cannot be read"),
            _ => new(CallVerdict.GiveUp, reason),
        };
    }

    // Nothing but white space, yet the service bills it: asking the very same again would pay for it again.
    private static bool IsPaidFor(ChatResponse response) => response.Usage?.OutputTokenCount > 0;

    private ServiceError? Find(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            ServiceError? error = Describe?.Invoke(e) ?? e switch
            {
                ChatServiceException service => service.Error,
                HttpRequestException { StatusCode: { } status } => new ServiceError((int)status),
                _ => null,
            };
            if (error is not null)
                return error;
        }

        return null;
    }
}
