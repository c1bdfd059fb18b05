namespace Tuna.Losses;

/// <summary>RRHF: a hinge on mean log-probabilities without a margin, and the likelihood of the best response.</summary>
/// <remarks>
/// <para>Yuan et al., <i>RRHF: Rank Responses to Align Language Models with Human Feedback without tears</i>, arXiv 2304.05302, Eq.
/// 1-4:</para>
/// <code>
/// q_i = log p(y_i) / |y_i|
/// L   = sum over pairs with score_i &lt; score_j of max(0, q_i - q_j) - log p(y_best)
/// </code>
/// <para>
/// where y_best is the candidate of the largest score, the first of them. The likelihood is summed over the tokens, not averaged, as in the
/// paper.
/// Preference is read from the scores, so the candidates may come in any order. At a kink the subgradient is 0; a response whose pairs are
/// all satisfied has exactly zero gradient. The batch's loss is the mean over the groups.
/// </para>
/// </remarks>
public sealed class RrhfLoss : IRankingLoss
{
    /// <inheritdoc/>
    public LossNeeds Needs { get; } = new() { LeastCandidates = 1 };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(RrhfLoss));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is malformed, or a group has no candidate.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, bestFirst: false);
        gradient.Clear();
        double total = 0;
        double groups = batch.GroupCount;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int end = first + batch.CandidateCounts[b];
            if (first == end)
                throw BatchGuard.Error(batch, b, "there is no candidate for the likelihood term.");
            int best = first;
            for (int j = first; j < end; j++)
            {
                if (batch.Scores[j] > batch.Scores[best])
                    best = j;
                double qj = MeanLogProb.Of(batch, j);
                for (int i = first; i < end; i++)
                {
                    double hinge = MeanLogProb.Of(batch, i) - qj;
                    if (!(batch.Scores[i] < batch.Scores[j]) || hinge <= 0)
                        continue; // a NaN hinge falls through, so that it reaches the loss
                    total += hinge;
                    gradient[i]++; // counts, which cancel exactly
                    gradient[j]--;
                }
            }

            for (int k = first; k < end; k++)
                gradient[k] /= groups * batch.Lengths[k];
            total -= batch.Values[best];
            gradient[best] -= 1 / groups;
        }

        return total / groups;
    }
}
