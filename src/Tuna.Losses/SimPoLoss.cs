namespace Tuna.Losses;

/// <summary>SimPO: a logistic loss on mean log-probabilities with a target margin and no reference policy.</summary>
/// <remarks>
/// <para>Meng, Xia, Chen, <i>SimPO: Simple Preference Optimization with a Reference-Free Reward</i>, arXiv 2405.14734, Eq. 6:</para>
/// <code>
/// L = -log sigmoid(beta (log p(y_w) / |y_w| - log p(y_l) / |y_l|) - gamma)
/// </code>
/// <para>
/// with y_w the preferred response, y_l the other, |.| a length in tokens.
/// Deviation: for K candidates the loss is the mean over the group's selected pairs, then over the groups; two candidates give the paper's
/// loss.
/// A group without a pair of different scores adds 0.
/// </para>
/// </remarks>
/// <param name="beta">Scale of the reward, > 0.</param>
/// <param name="gamma">Target margin of the scaled reward, >= 0.</param>
/// <param name="pairs">Which pairs are compared.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class SimPoLoss(double beta = 2.0, double gamma = 1.0, PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Scale of the reward.</summary>
    public double Beta { get; } = Setting.Positive(beta);

    /// <summary>Target margin of the scaled reward.</summary>
    public double Gamma { get; } = Setting.NonNegative(gamma);

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = LossNeeds.Nothing;

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(SimPoLoss), ("Beta", Beta), ("Gamma", Gamma), ("Pairs", Pairs));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        return PairKernel.Evaluate<MeanLogProb, LogisticTerm>(batch, Pairs, new(Beta, Gamma), gradient);
    }
}
