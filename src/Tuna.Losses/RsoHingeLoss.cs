namespace Tuna.Losses;

/// <summary>The hinge-norm loss of RSO: SLiC's hinge on log-probabilities normalized by a reference policy.</summary>
/// <remarks>
/// <para>Liu et al., <i>Statistical Rejection Sampling Improves Preference Optimization</i>, arXiv 2309.06657 (hinge-norm):</para>
/// <code>
/// L = max(0, 1 - gamma h),   h = (log p(y_w) - log p_ref(y_w)) - (log p(y_l) - log p_ref(y_l))
/// </code>
/// <para>
/// with y_w the preferred response, y_l the other; sums over the tokens. At the kink the subgradient is 0; satisfied pairs have exactly
/// zero gradient.
/// Deviation: for K candidates the loss is the mean over the group's selected pairs, then over the groups; two candidates give the paper's
/// loss.
/// A group without a pair of different scores adds 0. The rejection sampling of the paper is not part of the loss.
/// </para>
/// </remarks>
/// <param name="gamma">Inverse margin, > 0.</param>
/// <param name="pairs">Which pairs are compared.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class RsoHingeLoss(double gamma = 0.05, PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Inverse margin.</summary>
    public double Gamma { get; } = Setting.Positive(gamma);

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = new() { ReferencePolicy = true };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(RsoHingeLoss), ("Gamma", Gamma), ("Pairs", Pairs));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: true);
        return PairKernel.Evaluate<LogRatio, HingeTerm>(batch, Pairs, new(Gamma, 1), gradient);
    }
}
