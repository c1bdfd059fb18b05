namespace Tuna.Losses;

/// <summary>SLiC-HF: a rank calibration hinge on summed log-probabilities with a likelihood regularizer.</summary>
/// <remarks>
/// <para>Zhao et al., <i>SLiC-HF: Sequence Likelihood Calibration with Human Feedback</i>, arXiv 2305.10425, Eq. 1:</para>
/// <code>
/// L = max(0, delta - log p(y+) + log p(y-)) - lambda log p(y_ref)
/// </code>
/// <para>
/// with y+ the preferred response, y- the other, y_ref the group's reference response; sums over the tokens.
/// At the kink the subgradient is 0; satisfied pairs have exactly zero gradient.
/// Deviation: for K candidates the hinge is the mean over the group's selected pairs; then the mean over the groups. Two candidates give
/// the paper's loss.
/// A group without a pair of different scores adds the likelihood term alone. The paper tunes delta and lambda per task.
/// </para>
/// </remarks>
/// <param name="delta">Margin in nats, >= 0.</param>
/// <param name="lambda">Weight of the likelihood term, >= 0.</param>
/// <param name="pairs">Which pairs are compared.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class SlicHfLoss(double delta = 1.0, double lambda = 0.1, PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Margin in nats.</summary>
    public double Delta { get; } = Setting.NonNegative(delta);

    /// <summary>Weight of the likelihood term.</summary>
    public double Lambda { get; } = Setting.NonNegative(lambda);

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs => Lambda == 0 ? LossNeeds.Nothing : new() { ReferenceResponse = true };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(SlicHfLoss), ("Delta", Delta), ("Lambda", Lambda), ("Pairs", Pairs));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is malformed, or lambda is above 0 and a group has no reference response.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        double loss = PairKernel.Evaluate<RawValue, HingeTerm>(batch, Pairs, new(1, Delta), gradient);
        return Lambda == 0 ? loss
            : loss + (Lambda * LikelihoodKernel.Add<RawValue>(batch, MaximumLikelihoodTarget.Reference, Lambda, gradient));
    }
}
