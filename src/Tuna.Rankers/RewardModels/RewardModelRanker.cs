using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Rankers.RewardModels;

/// <summary>Ranks with a reward model: a local model, trained on a judge's rankings, in place of the judge (the proxy ranking model,
/// "PRM", of arXiv 2310.13385).</summary>
/// <remarks>
/// The model is any <see cref="IResponseScorer"/> whose numbers are rewards: higher is better, and lengths do not enter. It is trained as a
/// policy is, by the ranking trainer with an objective on raw values (pairwise logistic, Plackett-Luce). Costs nothing per row.
/// Thread-safe: rows wait for one another. The model stays the caller's to dispose.
/// </remarks>
public sealed class RewardModelRanker : IResponseRanker, IDisposable
{
    private readonly PolicyScorer _scorer;

    /// <summary>Creates the ranker.</summary>
    /// <param name="rewardModel">The model whose scores are rewards.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="template">The prompt that it was trained with; the Alpaca prompt when null.</param>
    /// <exception cref="ArgumentException">The tokenizer is not the model's.</exception>
    public RewardModelRanker(IResponseScorer rewardModel, ITokenizer tokenizer, IPromptTemplate? template = null) =>
        _scorer = new PolicyScorer(rewardModel, tokenizer, template);

    /// <inheritdoc/>
    public async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        (double[] rewards, _) = await _scorer.ScoreAsync(request, cancellationToken).ConfigureAwait(false);
        int bad = Array.FindIndex(rewards, r => !double.IsFinite(r));
        if (bad >= 0)
            throw new RankingException(request.Id, RankingFailure.InvalidRequest,
                $"the reward model gives candidate {bad} the reward {rewards[bad]}; its training has diverged.");
        return RankedScores.ToResult(rewards);
    }

    /// <summary>Releases the ranker's own resources; the model is left alone.</summary>
    public void Dispose() => _scorer.Dispose();
}
