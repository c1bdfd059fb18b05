namespace Tuna.Losses;

/// <summary>The Bradley-Terry objective of a reward model: a logistic loss on differences of rewards.</summary>
/// <remarks>
/// <para>Bradley and Terry (1952), in the form of Ouyang et al., <i>InstructGPT</i>, arXiv 2203.02155, Eq. 1:</para>
/// <code>
/// L = mean over pairs of -log sigmoid(v_w - v_l)
/// </code>
/// <para>
/// For a reward model: the batch's values are its scalar rewards v as they are, without division by lengths.
/// The mean is over the group's selected pairs of different scores, then over the groups; a group without such a pair adds 0.
/// The loss does not change when a constant is added to a group's rewards, so its gradient sums to zero in every group.
/// </para>
/// </remarks>
/// <param name="pairs">Which pairs are compared; all of them in the paper.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class PairwiseLogisticLoss(PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = LossNeeds.Nothing;

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(PairwiseLogisticLoss), ("Pairs", Pairs));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        return PairKernel.Evaluate<RawValue, LogisticTerm>(batch, Pairs, new(1), gradient);
    }
}
