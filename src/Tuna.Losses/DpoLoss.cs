namespace Tuna.Losses;

/// <summary>Direct preference optimization.</summary>
/// <remarks>
/// <para>Rafailov et al., <i>Direct Preference Optimization</i>, arXiv 2305.18290, Eq. 7:</para>
/// <code>
/// L = -log sigmoid(beta h),   h = (log p(y_w) - log p_ref(y_w)) - (log p(y_l) - log p_ref(y_l))
/// </code>
/// <para>
/// with y_w the preferred response, y_l the other, p the policy, p_ref the frozen reference policy; sums over the tokens, not means.
/// Deviation: for K candidates the loss is the mean over the group's selected pairs, then over the groups; two candidates give the paper's
/// loss.
/// A group without a pair of different scores adds 0.
/// </para>
/// </remarks>
/// <param name="beta">Strength of the pull to the reference policy, > 0.</param>
/// <param name="pairs">Which pairs are compared.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class DpoLoss(double beta = 0.1, PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Strength of the pull to the reference policy.</summary>
    public double Beta { get; } = Setting.Positive(beta);

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = new() { ReferencePolicy = true };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(DpoLoss), ("Beta", Beta), ("Pairs", Pairs));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: true);
        return PairKernel.Evaluate<LogRatio, LogisticTerm>(batch, Pairs, new(Beta), gradient);
    }
}
