namespace Tuna.Losses;

/// <summary>Group sequence policy optimization: GRPO's group-normalized rewards with one clipped likelihood ratio per response.</summary>
/// <remarks>
/// <para>Zheng et al., <i>Group Sequence Policy Optimization</i>, arXiv 2507.18071, its sequence-level objective; the advantages, and the
/// KL term, are those of GRPO (Shao et al., <i>DeepSeekMath</i>, arXiv 2402.03300):</para>
/// <code>
/// L   = -(1 / K) sum over i of ( min(s_i A_i, clip(s_i, 1 - low, 1 + high) A_i) - beta D_i )
/// s_i = exp( (log p(y_i) - log p_old(y_i)) / |y_i| )
/// A_i = (r_i - mean(r)) / std(r)
/// D_i = exp(d_i) - d_i - 1,   d_i = (log p_ref(y_i) - log p(y_i)) / |y_i|
/// </code>
/// <para>
/// with r_i the score of candidate i, its reward; p_old the policy that drew the responses (<see cref="RankingBatch.OldPolicyLogProbs"/>),
/// p_ref the frozen reference policy, |y_i| a length in tokens; std with K - 1 below, as PyTorch computes it. GRPO clips a ratio per
/// token, which needs more than one number per response; this is its form for sequences. D is the estimator of the KL divergence that GRPO
/// takes per token (Schulman's k3), here of the mean log ratio per token: it is 0 at the reference and positive elsewhere. GSPO itself has
/// no KL term: <paramref name="beta"/> 0.
/// </para>
/// <para>
/// At a kink the subgradient is 0; a response whose ratio is clipped has exactly zero gradient where beta is 0. A group of equal rewards,
/// or of fewer than two candidates, has advantages of exactly 0: rewards that differ by less than 1e-12 of the largest count as equal,
/// which is rounding and no preference. Beyond a log ratio of 20 nats per token both exponentials go on as straight lines, so that the loss
/// stays finite. Rewards are read from the scores, so the candidates may come in any order. The value may be negative. The batch's loss is
/// the mean over the groups.
/// </para>
/// </remarks>
/// <param name="clipLow">How far below 1 the ratio may go before it stops to count, [0, 1]. The paper's: 3e-4.</param>
/// <param name="clipHigh">How far above 1, >= 0. The paper's: 4e-4.</param>
/// <param name="beta">Weight of the KL term, >= 0; 0 needs no reference policy.</param>
/// <param name="normalize">Whether advantages are divided by the standard deviation of the group's rewards; without (Liu et al., arXiv
/// 2503.20783) groups that are hard to tell apart weigh less.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
public sealed class GspoLoss(double clipLow = 3e-4, double clipHigh = 4e-4, double beta = 0, bool normalize = true) : IRankingLoss
{
    // Relative to the largest reward: some thousand ulps, so that equal sums added up in another order are equal.
    private const double EqualRewards = 1e-12;

    /// <summary>How far below 1 the ratio may go.</summary>
    public double ClipLow { get; } = Setting.Share(clipLow);

    /// <summary>How far above 1 the ratio may go.</summary>
    public double ClipHigh { get; } = Setting.NonNegative(clipHigh);

    /// <summary>Weight of the KL term.</summary>
    public double Beta { get; } = Setting.NonNegative(beta);

    /// <summary>Whether advantages are divided by the standard deviation of the group's rewards.</summary>
    public bool Normalize { get; } = normalize;

    /// <inheritdoc/>
    public LossNeeds Needs => new() { OldPolicy = true, ReferencePolicy = Beta > 0 };

    /// <inheritdoc/>
    public LossDescription Describe() =>
        new(nameof(GspoLoss), ("ClipLow", ClipLow), ("ClipHigh", ClipHigh), ("Beta", Beta), ("Normalize", Normalize));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: Beta > 0, bestFirst: false, needsOldPolicy: true);
        gradient.Clear();
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int count = batch.CandidateCounts[b];
            (double mean, double inverse) = Center(batch.Scores.Slice(first, count));
            double weight = 1.0 / ((double)count * batch.GroupCount);
            double sum = 0;
            for (int i = first; i < first + count; i++)
            {
                double advantage = inverse == 0 ? 0 : (batch.Scores[i] - batch.Scores[first] - mean) * inverse;
                double slope;
                sum += Surrogate(MeanLogRatio(batch, i, batch.OldPolicyLogProbs), advantage, out slope);
                if (Beta > 0)
                {
                    sum += Beta * Divergence(-MeanLogRatio(batch, i, batch.ReferencePolicyLogProbs), out double pull);
                    slope -= Beta * pull;
                }

                gradient[i] = slope == 0 ? 0 : slope * weight / batch.Lengths[i];
            }

            total += count == 0 ? 0 : sum / count;
        }

        return total / batch.GroupCount;
    }

    private static double MeanLogRatio(in RankingBatch batch, int row, ReadOnlySpan<double> other) =>
        (batch.Values[row] - other[row]) / batch.Lengths[row];

    // The rewards' mean, counted from the first of them so that no constant swallows their differences, and what they are multiplied with;
    // 0 where all are equal.
    private (double Mean, double Inverse) Center(ReadOnlySpan<double> rewards)
    {
        double mean = 0, largest = 0, spread = 0;
        foreach (double reward in rewards)
        {
            mean += (reward - rewards[0]) / rewards.Length;
            largest = Math.Max(largest, Math.Abs(reward));
            spread = Math.Max(spread, Math.Abs(reward - rewards[0]));
        }

        if (spread <= EqualRewards * largest)
            return (0, 0);
        if (!Normalize)
            return (mean, 1);
        double squares = 0;
        foreach (double reward in rewards)
        {
            double deviation = (reward - rewards[0] - mean) / spread; // in units of the spread, whose square may overflow or vanish
            squares += deviation * deviation / (rewards.Length - 1);
        }

        return (mean, 1 / (spread * Math.Sqrt(squares)));
    }

    // -min(s A, clip(s) A) and its derivative by log s.
    private double Surrogate(double logRatio, double advantage, out double slope)
    {
        double ratio = StableMath.CappedExp(logRatio, out double growth);
        bool clipped = advantage >= 0 ? ratio >= 1 + ClipHigh : ratio <= 1 - ClipLow;
        slope = clipped ? 0 : -advantage * growth;
        double counted = !clipped ? ratio : advantage >= 0 ? 1 + ClipHigh : 1 - ClipLow;
        return -counted * advantage;
    }

    // exp(d) - d - 1 and its derivative by d.
    private static double Divergence(double d, out double slope)
    {
        double grown = StableMath.CappedExpM1(d, out slope);
        return grown - d;
    }
}
