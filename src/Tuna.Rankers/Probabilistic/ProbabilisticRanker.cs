using Tuna.Ranking;

namespace Tuna.Rankers.Probabilistic;

/// <summary>Ranks by the log-probabilities that came with the candidates (probabilistic ranking, arXiv 2310.13385, section 2.1 and Eq.
/// 3).</summary>
/// <remarks>
/// Needs no call and no model: <see cref="CandidateResponse.LogProb"/> and <see cref="CandidateResponse.TokenCount"/> are enough, so beta
/// can change without asking the teacher again. Equal scores keep the order of the request. Thread-safe.
/// </remarks>
public sealed class ProbabilisticRanker : IResponseRanker
{
    /// <summary>Creates the ranker.</summary>
    /// <param name="beta">Length exponent of Eq. 3, finite. The paper's default is 1.3.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is not finite.</exception>
    public ProbabilisticRanker(double beta = LengthPenalizedScore.DefaultBeta)
    {
        if (!double.IsFinite(beta))
            throw new ArgumentOutOfRangeException(nameof(beta), beta, "beta is finite.");
        Beta = beta;
    }

    /// <summary>Length exponent of Eq. 3.</summary>
    public double Beta { get; }

    /// <inheritdoc/>
    public Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return Task.FromResult(Rank(request));
        }
        catch (RankingException e)
        {
            return Task.FromException<RankingResult>(e);
        }
    }

    private RankingResult Rank(RankingRequest request)
    {
        if (request.Candidates.Count == 0)
            throw new RankingException(request.Id, RankingFailure.InvalidRequest, "there are no candidates to rank.");
        var scores = new double[request.Candidates.Count];
        for (int k = 0; k < scores.Length; k++)
        {
            CandidateResponse candidate = request.Candidates[k];
            if (candidate.LogProb is not { } logProb)
                throw Invalid(request, k,
                    "has no log-probability; sample with a teacher that returns them, or rank with a local policy (PolicyRanker)");
            if (candidate.TokenCount is not { } tokens)
                throw Invalid(request, k, "has no token count");
            if (!double.IsFinite(logProb))
                throw Invalid(request, k, $"has the log-probability {logProb}; it must be finite");
            if (tokens < 1)
                throw Invalid(request, k, $"has {tokens} tokens; a response has at least its end token");
            scores[k] = LengthPenalizedScore.Compute(logProb, tokens, Beta);
        }

        return RankedScores.ToResult(scores);
    }

    private static RankingException Invalid(RankingRequest request, int k, string problem) =>
        new(request.Id, RankingFailure.InvalidRequest, $"candidate {k} {problem}.");
}
