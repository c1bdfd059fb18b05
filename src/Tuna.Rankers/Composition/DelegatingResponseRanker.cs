using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>A ranker that passes on to another: the base of caching, journal, logging and ensemble rankers.</summary>
public abstract class DelegatingResponseRanker(IResponseRanker inner) : IResponseRanker
{
    /// <summary>The ranker that is decorated.</summary>
    protected IResponseRanker Inner { get; } = inner ?? throw new ArgumentNullException(nameof(inner));

    /// <inheritdoc/>
    public virtual Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default) =>
        Inner.RankAsync(request, cancellationToken);
}
