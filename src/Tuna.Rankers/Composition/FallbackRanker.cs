using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>Asks another ranker about the rows that the first could not rank.</summary>
/// <param name="inner">The ranker that is asked first.</param>
/// <param name="fallback">The ranker for what it fails.</param>
/// <param name="when">Which failures go on to the fallback; all of them when null.</param>
public sealed class FallbackRanker(IResponseRanker inner, IResponseRanker fallback, Func<RankingException, bool>? when = null)
    : DelegatingResponseRanker(inner)
{
    private readonly IResponseRanker _fallback = fallback ?? throw new ArgumentNullException(nameof(fallback));

    /// <inheritdoc/>
    public override async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        RankingException first;
        try
        {
            return await Inner.RankAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (RankingException e) when (when?.Invoke(e) ?? true)
        {
            first = e;
        }

        try
        {
            RankingResult result = await _fallback.RankAsync(request, cancellationToken).ConfigureAwait(false);
            return result with { Usage = first.Usage.Add(result.Usage) };
        }
        catch (RankingException e)
        {
            throw new RankingException(e.RowId, e.Reason, $"{e.Problem} (Before that: {first.Problem})", first.Usage.Add(e.Usage), e);
        }
    }
}
