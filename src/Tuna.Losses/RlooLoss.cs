namespace Tuna.Losses;

/// <summary>REINFORCE with a leave-one-out baseline: each response is made likelier by how much its reward exceeds the mean reward of the
/// other responses to the same prompt.</summary>
/// <remarks>
/// <para>Ahmadian et al., <i>Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in LLMs</i>, arXiv
/// 2402.14740, the RLOO estimator, with the KL penalty in the reward as there:</para>
/// <code>
/// L   = -(1 / K) sum over i of A_i log p(y_i)
/// A_i = R_i - (1 / (K - 1)) sum over j other than i of R_j
/// R_i = r_i - beta (log p(y_i) - log p_ref(y_i))
/// </code>
/// <para>
/// with r_i the score of candidate i, its reward, in the ranker's own unit; log-probabilities are sums over the tokens. The advantages A
/// are constants for the gradient, so with beta above 0 the loss has a gradient at every point but is not its integral. They sum to zero
/// in a group and do not change when a constant is added to its rewards. The policy of R_i is the one being trained, as it stands: for
/// responses that it has just drawn that is the paper's estimator, and in later steps on the same responses the penalty still holds it to
/// the reference. There is no ratio to the policy that drew them and no clipping: with beta 0 take one pass, or <see cref="GspoLoss"/>.
/// </para>
/// <para>A group with fewer than two candidates has no baseline and adds 0; so does one whose rewards are all equal when beta is 0, with
/// exactly zero gradient. Rewards are read from the scores, so the candidates may come in any order. The value may be negative. The
/// batch's loss is the mean over the groups.</para>
/// </remarks>
/// <param name="beta">Weight of the KL penalty to the reference policy, in rewards per nat, >= 0; 0 needs no reference policy.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is outside its range.</exception>
public sealed class RlooLoss(double beta = 0.05) : IRankingLoss
{
    /// <summary>Weight of the KL penalty to the reference policy.</summary>
    public double Beta { get; } = Setting.NonNegative(beta);

    /// <inheritdoc/>
    public LossNeeds Needs => Beta == 0 ? LossNeeds.Nothing : new() { ReferencePolicy = true };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(RlooLoss), ("Beta", Beta));

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: Beta > 0, bestFirst: false);
        gradient.Clear();
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int count = batch.CandidateCounts[b];
            if (count < 2)
                continue;
            // Distances to the first reward: a constant in all of them cancels before it can swallow their differences.
            double mean = 0;
            for (int i = first; i < first + count; i++)
                mean += (Reward(batch, i) - Reward(batch, first)) / count;
            for (int i = first; i < first + count; i++)
            {
                // R_i minus the mean of the others is K / (K - 1) times R_i minus the mean of all.
                double share = (Reward(batch, i) - Reward(batch, first) - mean) / (count - 1);
                total -= share * batch.Values[i];
                gradient[i] = -share / batch.GroupCount;
            }
        }

        return total / batch.GroupCount;
    }

    private double Reward(in RankingBatch batch, int row) =>
        Beta == 0 ? batch.Scores[row] : batch.Scores[row] - (Beta * LogRatio.Of(batch, row));
}
