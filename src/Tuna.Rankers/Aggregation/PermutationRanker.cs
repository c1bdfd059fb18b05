using Tuna.Ranking;
using Tuna.Rankers.Composition;

namespace Tuna.Rankers.Aggregation;

/// <summary>Settings of <see cref="PermutationRanker"/>.</summary>
public sealed record PermutationOptions
{
    /// <summary>Most orders in which the candidates are shown; null for the whole Latin square, K orders. At least 2. Default
    /// null.</summary>
    public int? MaxOrders { get; init; }

    /// <summary>Judgments needed before agreement can end the row early; also the fewest that make a result when others fail. At least 1.
    /// Default 2.</summary>
    public int MinOrders { get; init; } = 2;

    /// <summary>Kendall's W at which the judgments agree enough to stop, [0, 1]; above 1 never stops early. Default 1: all the
    /// same.</summary>
    public double StopAtConsistency { get; init; } = 1;

    /// <summary>Makes one ranking of all. Default: Borda.</summary>
    public IRankAggregator Aggregator { get; init; } = new BordaAggregator();

    /// <summary>Chooses in which sequence the orders come. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing or outside its range; the message says which.</exception>
    public void Validate()
    {
        if (MaxOrders is < 2)
            throw new ArgumentOutOfRangeException(nameof(MaxOrders), MaxOrders, "It is at least 2.");
        if (MinOrders < 1 || MinOrders > (MaxOrders ?? int.MaxValue))
            throw new ArgumentOutOfRangeException(nameof(MinOrders), MinOrders, "It is at least 1 and at most {nameof(MaxOrders)}.");
        if (!(StopAtConsistency >= 0))
            throw new ArgumentOutOfRangeException(nameof(StopAtConsistency), StopAtConsistency, "It is at least 0.");
        ArgumentNullException.ThrowIfNull(Aggregator);
    }
}

/// <summary>Shows the candidates in several orders, since judges favour places, and makes one ranking of all judgments.</summary>
/// <remarks>
/// The orders are the rows of a Latin square, the request's own order first. <see cref="RankingResult.Consistency"/> is Kendall's W of the
/// judgments and
/// <see cref="RankingResult.PairSupport"/> their share per pair. A judgment that fails is left out as long as enough others succeed.
/// </remarks>
public sealed class PermutationRanker : DelegatingResponseRanker
{
    private const double Rounding = 1e-9; // W is computed in floating point; complete agreement may come out a little below 1

    private readonly PermutationOptions _options;

    /// <summary>Creates the ranker.</summary>
    /// <param name="inner">The ranker that judges one order.</param>
    /// <param name="options">Settings; read once, here.</param>
    public PermutationRanker(IResponseRanker inner, PermutationOptions? options = null)
        : base(inner)
    {
        _options = options ?? new PermutationOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Candidates.Count < 2)
            return await Inner.RankAsync(request, cancellationToken).ConfigureAwait(false);
        int[][] orders = LatinSquare.Orders(request.Candidates.Count, _options.Seed);
        int most = Math.Min(orders.Length, _options.MaxOrders ?? int.MaxValue);
        var results = new List<RankingResult>(most);
        RankingUsage usage = RankingUsage.None;
        RankingException? failure = null;
        for (int i = 0; i < most; i++)
        {
            try
            {
                RankingResult result = await Inner.RankAsync(Permute(request, orders[i], isOwn: i == 0), cancellationToken)
                    .ConfigureAwait(false);
                usage = usage.Add(result.Usage);
                results.Add(Restore(result, orders[i]));
            }
            catch (RankingException e) when (e.Reason is RankingFailure.UnreadableReply or RankingFailure.ServiceError)
            {
                usage = usage.Add(e.Usage);
                failure = e;
            }
            catch (RankingException e)
            {
                // Refusals, budgets and bad rows do not get better with another order.
                throw new RankingException(e.RowId, e.Reason, e.Problem, usage.Add(e.Usage), e);
            }

            if (results.Count >= Math.Max(2, _options.MinOrders)
                && JudgmentPool.Consistency([.. results.Select(r => r.Scores)]) >= _options.StopAtConsistency - Rounding)
                break;
        }

        if (results.Count < Math.Min(_options.MinOrders, most))
            throw new RankingException(request.Id, failure!.Reason,
                $"only {results.Count} of {most} orders could be judged: {failure.Problem}", usage, failure);
        return JudgmentPool.Combine(results, _options.Aggregator, usage);
    }

    private static RankingRequest Permute(RankingRequest request, int[] order, bool isOwn) => isOwn ? request : request with
    {
        Candidates = Array.ConvertAll(order, k => request.Candidates[k]),
        PresentedOrder = request.PresentedOrder is { } outer ? Array.ConvertAll(order, k => outer[k]) : order,
    };

    private static RankingResult Restore(RankingResult result, int[] order)
    {
        var scores = new double?[order.Length];
        var aspects = result.AspectScores is null ? null : new IReadOnlyList<double>?[order.Length];
        for (int place = 0; place < order.Length; place++)
        {
            scores[order[place]] = result.Scores[place];
            if (aspects is not null)
                aspects[order[place]] = result.AspectScores![place];
        }

        return result with { Scores = scores, Order = [.. result.Order.Select(place => order[place])], AspectScores = aspects };
    }
}
