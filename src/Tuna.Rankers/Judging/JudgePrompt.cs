using Microsoft.Extensions.AI;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>How a judge is asked, and how its reply is read: one class per form of the question.</summary>
/// <remarks>
/// Implementations are immutable and thread-safe, and pure: the same request always gives the same messages, because journals and caches
/// know a call by them. Only the judge's reply is ever read; the candidates' texts are consulted just to tell an echo from an answer.
/// </remarks>
public abstract class JudgePrompt
{
    /// <summary>Most candidates one question can hold.</summary>
    public const int MaxCandidates = 16;

    /// <summary>Names the exact wording. It changes whenever a byte of the question does, so that old replies are never taken for answers
    /// to a new one.</summary>
    public abstract string Version { get; }

    /// <summary>The form of reply that the service is asked to enforce; null for plain text.</summary>
    public virtual ChatResponseFormat? ResponseFormat => null;

    /// <summary>The messages of the first call.</summary>
    public abstract IReadOnlyList<ChatMessage> Ask(RankingRequest request);

    /// <summary>Reads a reply.</summary>
    /// <exception cref="UnreadableReplyException">The reply is not a complete, unambiguous ranking; the message says what is
    /// wrong.</exception>
    public abstract Judgment Read(string reply, RankingRequest request);

    /// <summary>A short message that says what was wrong with a reply and asks again.</summary>
    public abstract string Correct(UnreadableReplyException problem, RankingRequest request);
}
