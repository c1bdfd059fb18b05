using Tuna.Ranking;
using Tuna.Rankers.Composition;

namespace Tuna.Rankers.Aggregation;

/// <summary>Uses how far repeated judgments agree: rejects rows, or turns uncertain pairs into ties, which losses skip.</summary>
/// <remarks>Goes around a <see cref="PermutationRanker"/> or an <see cref="EnsembleRanker"/>; results of one judgment pass as they
/// are.</remarks>
public sealed class ConsistencyFilter : DelegatingResponseRanker
{
    private readonly double _minConsistency;
    private readonly double _minPairSupport;

    /// <summary>Creates the filter.</summary>
    /// <param name="inner">The ranker whose results carry the agreement.</param>
    /// <param name="minConsistency">Rows with a lower Kendall's W fail with <see cref="RankingFailure.Inconsistent"/>, [0, 1]. Default 0:
    /// none.</param>
    /// <param name="minPairSupport">Neighbours in the ranking that a smaller share of the judgments orders this way become ties, [0, 1].
    /// Default 0: none.</param>
    public ConsistencyFilter(IResponseRanker inner, double minConsistency = 0, double minPairSupport = 0)
        : base(inner)
    {
        if (minConsistency is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(minConsistency), minConsistency, "In [0, 1].");
        if (minPairSupport is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(minPairSupport), minPairSupport, "In [0, 1].");
        _minConsistency = minConsistency;
        _minPairSupport = minPairSupport;
    }

    /// <inheritdoc/>
    public override async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        RankingResult result = await Inner.RankAsync(request, cancellationToken).ConfigureAwait(false);
        if (result.Consistency < _minConsistency)
            throw new RankingException(request.Id, RankingFailure.Inconsistent,
                $"the judgments agree by Kendall's W = {result.Consistency:0.000}; at least {_minConsistency} is asked for.", result.Usage);
        return TieUncertainPairs(result, _minPairSupport);
    }

    /// <summary>Gives neighbours in the ranking the same score when too few judgments order them this way.</summary>
    /// <param name="result">The result; its order is kept.</param>
    /// <param name="minPairSupport">The share asked for, [0, 1].</param>
    public static RankingResult TieUncertainPairs(RankingResult result, double minPairSupport)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (result.PairSupport is not { } support)
            return result;
        double?[] scores = [.. result.Scores];
        for (int i = 1; i < result.Order.Count; i++)
        {
            int above = result.Order[i - 1], below = result.Order[i];
            if (support[above][below] < minPairSupport)
                scores[below] = scores[above];
        }

        return result with { Scores = scores };
    }
}
