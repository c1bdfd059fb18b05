using Tuna.Ranking;

namespace Tuna.Rankers.Aggregation;

/// <summary>Asks several rankers at once and makes one ranking of theirs.</summary>
/// <remarks>A ranker that fails is left out as long as enough others succeed. <see cref="RankingResult.Consistency"/> is Kendall's W
/// between the rankers.</remarks>
public sealed class EnsembleRanker : IResponseRanker
{
    private readonly IResponseRanker[] _rankers;
    private readonly IRankAggregator _aggregator;
    private readonly int _minSuccesses;

    /// <summary>Creates the ensemble.</summary>
    /// <param name="rankers">At least two.</param>
    /// <param name="aggregator">Makes one ranking of all; Borda when null.</param>
    /// <param name="minSuccesses">Fewest rankers that must succeed; all of them when null.</param>
    public EnsembleRanker(IEnumerable<IResponseRanker> rankers, IRankAggregator? aggregator = null, int? minSuccesses = null)
    {
        ArgumentNullException.ThrowIfNull(rankers);
        _rankers = [.. rankers];
        if (_rankers.Length < 2)
            throw new ArgumentException("An ensemble has at least two rankers.", nameof(rankers));
        _minSuccesses = minSuccesses ?? _rankers.Length;
        if (_minSuccesses < 1 || _minSuccesses > _rankers.Length)
            throw new ArgumentOutOfRangeException(nameof(minSuccesses), minSuccesses, $"In [1, {_rankers.Length}].");
        _aggregator = aggregator ?? new BordaAggregator();
    }

    /// <inheritdoc/>
    public async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        (RankingResult? Result, RankingException? Failure)[] answers =
            await Task.WhenAll(_rankers.Select(r => TryAsync(r, request, cancellationToken))).ConfigureAwait(false);
        RankingResult[] results = [.. answers.Select(a => a.Result).OfType<RankingResult>()];
        RankingUsage usage = answers.Aggregate(RankingUsage.None, (sum, a) => sum.Add(a.Result?.Usage ?? a.Failure!.Usage));
        if (results.Length >= _minSuccesses)
            return JudgmentPool.Combine(results, _aggregator, usage);
        RankingException first = answers.First(a => a.Failure is not null).Failure!;
        throw new RankingException(request.Id, first.Reason,
            $"only {results.Length} of {_rankers.Length} rankers succeeded: {first.Problem}", usage, first);
    }

    private static async Task<(RankingResult? Result, RankingException? Failure)> TryAsync(IResponseRanker ranker, RankingRequest request,
        CancellationToken cancellationToken)
    {
        try
        {
            return (await ranker.RankAsync(request, cancellationToken).ConfigureAwait(false), null);
        }
        catch (RankingException e)
        {
            return (null, e);
        }
    }
}
