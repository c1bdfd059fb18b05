namespace Tuna.Chat.Errors;

/// <summary>What a service said when it refused a call.</summary>
/// <param name="Status">HTTP status; 0 when no answer came.</param>
/// <param name="Code">The service's own code, such as <c>insufficient_quota</c>, when it gave one; or <see cref="NotUnderstood"/> or
/// <see cref="TooLarge"/>.</param>
/// <param name="RetryAfter">How long it asks to be left alone, when it says so.</param>
public sealed record ServiceError(int Status, string? Code = null, TimeSpan? RetryAfter = null)
{
    /// <summary>Code of an answer that came with success, and is JSON, but has none of the known forms.</summary>
    public const string NotUnderstood = "answer_not_understood";

    /// <summary>Code of an answer that is larger than the client takes.</summary>
    public const string TooLarge = "answer_too_large";
}

/// <summary>A service refused a call or did not answer it in a form that is known.</summary>
/// <remarks>Chat clients throw it so that errors can be classified without knowing the client's package.</remarks>
public sealed class ChatServiceException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened; it holds no key.</param>
    /// <param name="error">What the service said.</param>
    /// <param name="innerException">The cause.</param>
    public ChatServiceException(string message, ServiceError error, Exception? innerException = null)
        : base(message, innerException)
    {
        ArgumentNullException.ThrowIfNull(error);
        Error = error;
    }

    /// <summary>What the service said.</summary>
    public ServiceError Error { get; }

    /// <summary>What the service answered with success, when it was not understood: it is paid for, so a journal keeps it. Null for every
    /// other failure.</summary>
    public string? Answer { get; init; }

    /// <summary>What that answer cost, by estimate.</summary>
    internal CallUsage Usage { get; set; } = CallUsage.None;

    internal static ChatServiceException TooLarge(string detail) =>
        new($"The service's answer is larger than is taken. {detail}", new ServiceError(200, ServiceError.TooLarge)) { Answer = "" };

    internal static ChatServiceException? Find(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (e is ChatServiceException service)
                return service;
        }

        return null;
    }
}
