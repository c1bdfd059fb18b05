using Microsoft.Extensions.AI;

namespace Tuna.Chat;

/// <summary>How likely a reply was under the model that wrote it, carried by a chat response between a client and a teacher.</summary>
/// <param name="Sum">Sum of log p(token) over the tokens that the service reports, nats.</param>
/// <param name="Tokens">How many tokens that is, at least 1.</param>
/// <remarks>
/// Services report the log-probabilities of the model itself (before temperature). Most leave the end token out; then it is missing from
/// the sum and from the count alike, for all responses of that teacher.
/// </remarks>
public sealed record ReplyLogProb(double Sum, int Tokens)
{
    private const string Key = "tuna.reply_log_prob";

    /// <summary>Sums token log-probabilities.</summary>
    /// <exception cref="ArgumentException">There is none, or one is not finite.</exception>
    public static ReplyLogProb FromTokens(IReadOnlyList<double> logProbs)
    {
        ArgumentNullException.ThrowIfNull(logProbs);
        if (logProbs.Count == 0)
            throw new ArgumentException("There are no token log-probabilities.", nameof(logProbs));
        double sum = 0;
        foreach (double logProb in logProbs)
            sum += double.IsFinite(logProb)
                ? logProb : throw new ArgumentException($"A token log-probability is {logProb}.", nameof(logProbs));
        return new ReplyLogProb(sum, logProbs.Count);
    }

    /// <summary>What a response carries; null when its client gave none.</summary>
    public static ReplyLogProb? Of(ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return response.AdditionalProperties?.TryGetValue(Key, out object? value) == true ? value as ReplyLogProb : null;
    }

    /// <summary>Lets a response carry it.</summary>
    public void AttachTo(ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        (response.AdditionalProperties ??= [])[Key] = this;
    }
}
