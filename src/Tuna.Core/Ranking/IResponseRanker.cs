namespace Tuna.Ranking;

/// <summary>Says which of several responses to one instruction is better.</summary>
/// <remarks>Implementations are thread-safe. They decorate one another, as a journal or a cache does.</remarks>
public interface IResponseRanker
{
    /// <summary>Ranks the candidates of one instruction.</summary>
    /// <exception cref="RankingException">This row could not be ranked; the exception says why and what it cost.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default);
}
