namespace Tuna.Losses;

/// <summary>Instruction tuning: the mean token negative log-likelihood of the target responses.</summary>
/// <remarks>
/// <para>Li et al., <i>Tuna</i>, arXiv 2310.13385, Eq. 1, 2:</para>
/// <code>
/// L_MLE(i, r) = -(1 / |r|) log p(r | i)
/// </code>
/// <para>
/// with |r| the length in tokens, end-of-sequence included. The mean over the group's target responses, then over the groups: every
/// response
/// weighs the same whatever its length. The other responses have exactly zero gradient, so they cost an engine no backward work.
/// </para>
/// </remarks>
/// <param name="target">Which responses are learned.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="target"/> has no name.</exception>
public sealed class MaximumLikelihoodLoss(MaximumLikelihoodTarget target = MaximumLikelihoodTarget.Reference) : IRankingLoss
{
    /// <summary>Which responses are learned.</summary>
    public MaximumLikelihoodTarget Target { get; } = Setting.Defined(target);

    /// <inheritdoc/>
    public LossNeeds Needs => Target switch
    {
        MaximumLikelihoodTarget.Reference => new() { ReferenceResponse = true },
        MaximumLikelihoodTarget.BestCandidate => new() { LeastCandidates = 1 },
        _ => LossNeeds.Nothing,
    };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(MaximumLikelihoodLoss), ("Target", Target));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is malformed, or a group lacks the target response.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        gradient.Clear();
        return LikelihoodKernel.Add<MeanLogProb>(batch, Target, 1, gradient);
    }
}
