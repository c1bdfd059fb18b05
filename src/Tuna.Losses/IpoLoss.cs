namespace Tuna.Losses;

/// <summary>Identity preference optimization: a square loss that cannot push a preference beyond its target.</summary>
/// <remarks>
/// <para>Azar et al., <i>A General Theoretical Paradigm to Understand Learning from Human Preferences</i>, arXiv 2310.12036, Eq. 17:</para>
/// <code>
/// L = (h - 1 / (2 tau))^2,   h = (log p(y_w) - log p_ref(y_w)) - (log p(y_l) - log p_ref(y_l))
/// </code>
/// <para>
/// with y_w the preferred response, y_l the other; sums over the tokens as in the paper (some libraries divide by the lengths first).
/// Deviation: for K candidates the loss is the mean over the group's selected pairs, then over the groups; two candidates give the paper's
/// loss.
/// A group without a pair of different scores adds 0. The value is in nats squared.
/// </para>
/// </remarks>
/// <param name="tau">Regularization strength, > 0.</param>
/// <param name="pairs">Which pairs are compared.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class IpoLoss(double tau = 0.1, PairSelection pairs = PairSelection.AllPairs) : IRankingLoss
{
    /// <summary>Regularization strength.</summary>
    public double Tau { get; } = Setting.Positive(tau);

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; } = Setting.Defined(pairs);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = new() { ReferencePolicy = true };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(IpoLoss), ("Tau", Tau), ("Pairs", Pairs));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: true);
        return PairKernel.Evaluate<LogRatio, SquareTerm>(batch, Pairs, new(1 / (2 * Tau)), gradient);
    }
}
