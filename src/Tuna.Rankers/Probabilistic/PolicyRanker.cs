using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Rankers.Probabilistic;

/// <summary>Ranks by Eq. 3 with a local policy as the teacher: it scores the candidates' texts itself.</summary>
/// <remarks>
/// Prompts and responses become ids as in training (<see cref="GroupTokenizer"/>), so |r| counts the end token. Log-probabilities that came
/// with the candidates are ignored. Thread-safe: a policy is used by one thread at a time, so rows wait for one another. The policy stays
/// the caller's to dispose.
/// </remarks>
public sealed class PolicyRanker : IResponseRanker, IDisposable
{
    private readonly PolicyScorer _scorer;
    private readonly ProbabilisticRanker _ranker;

    /// <summary>Creates the ranker.</summary>
    /// <param name="teacher">The policy whose log-probabilities rank.</param>
    /// <param name="tokenizer">The policy's tokenizer.</param>
    /// <param name="template">The prompt the policy was tuned with; the Alpaca prompt when null.</param>
    /// <param name="beta">Length exponent of Eq. 3, finite. The paper's default is 1.3.</param>
    public PolicyRanker(IPolicyModel teacher, ITokenizer tokenizer, IPromptTemplate? template = null,
        double beta = LengthPenalizedScore.DefaultBeta)
    {
        _scorer = new PolicyScorer(teacher, tokenizer, template);
        _ranker = new ProbabilisticRanker(beta);
    }

    /// <inheritdoc/>
    public async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        RankingRequest scored = await ScoreAsync(request, cancellationToken).ConfigureAwait(false);
        return await _ranker.RankAsync(scored, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Fills in the candidates' log-probabilities and token counts under the policy, so that they can be stored and ranked with
    /// another beta later.</summary>
    /// <exception cref="RankingException">There are no candidates, or a candidate does not fit the policy's context.</exception>
    public async Task<RankingRequest> ScoreAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        (double[] logProbs, int[] lengths) = await _scorer.ScoreAsync(request, cancellationToken).ConfigureAwait(false);
        var candidates = new CandidateResponse[logProbs.Length];
        for (int k = 0; k < candidates.Length; k++)
            candidates[k] = request.Candidates[k] with { LogProb = logProbs[k], TokenCount = lengths[k] };
        return request with { Candidates = candidates };
    }

    /// <summary>Releases the ranker's own resources; the policy is left alone.</summary>
    public void Dispose() => _scorer.Dispose();
}
