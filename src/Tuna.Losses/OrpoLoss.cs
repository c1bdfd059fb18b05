namespace Tuna.Losses;

/// <summary>Odds ratio preference optimization: the likelihood of the best response and a logistic loss on log odds, without a reference
/// policy.</summary>
/// <remarks>
/// <para>Hong, Lee, Thorne, <i>ORPO: Monolithic Preference Optimization without Reference Model</i>, arXiv 2403.07691, Eq. 3-7:</para>
/// <code>
/// q(y)    = log p(y) / |y|
/// odds(y) = exp(q) / (1 - exp(q))
/// L       = -q(y_w) - lambda log sigmoid(log odds(y_w) - log odds(y_l))
/// </code>
/// <para>
/// with y_w the preferred response, y_l the other, |.| a length in tokens. Log odds are evaluated as q - log(1 - exp(q)) without
/// cancellation;
/// q is cut at -1.1e-16, where a certain response's odds would be infinite.
/// Deviation: for K candidates the likelihood is the best candidate's and the odds term the mean over the group's selected pairs; then the
/// mean over
/// the groups. Two candidates give the paper's loss. A group without a pair of different scores adds the likelihood term alone.
/// </para>
/// </remarks>
/// <param name="lambda">Weight of the odds term, >= 0.</param>
/// <param name="pairs">Which pairs are compared.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class OrpoLoss(double lambda = 0.1, PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Weight of the odds term.</summary>
    public double Lambda { get; } = Setting.NonNegative(lambda);

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = new() { LeastCandidates = 1 };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(OrpoLoss), ("Lambda", Lambda), ("Pairs", Pairs));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is malformed, or a group has no candidate.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        double odds = PairKernel.Evaluate<LogOdds, LogisticTerm>(batch, Pairs, new(1), gradient);
        foreach (ref double g in gradient)
            g *= Lambda;
        return LikelihoodKernel.Add<MeanLogProb>(batch, MaximumLikelihoodTarget.BestCandidate, 1, gradient) + (Lambda * odds);
    }
}
