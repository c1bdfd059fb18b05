namespace Tuna.Losses;

/// <summary>Preference ranking optimization: each response against all that rank below it, and the likelihood of the best.</summary>
/// <remarks>
/// <para>Song et al., <i>Preference Ranking Optimization for Human Alignment</i>, arXiv 2306.17492:</para>
/// <code>
/// q_i = log p(y_i) / |y_i|,   candidates best first
/// L   = -sum over k &lt; K - 1 of log( exp(q_k / T_kk) / sum over i >= k of exp(q_i / T_ki) ) - beta q_0
/// without temperatures: T = 1
/// with temperatures:    T_ki = 1 / (score_k - score_i) for i > k,   T_kk = min over i > k of T_ki
/// </code>
/// <para>
/// The likelihood term is the mean over the tokens of the best response. A pair of equal scores has an infinite temperature, so its
/// exponent is 0;
/// without temperatures equal scores keep the order they come in. A group with one candidate adds its likelihood term alone.
/// The batch's loss is the mean over the groups.
/// </para>
/// </remarks>
/// <param name="beta">Weight of the likelihood term, >= 0.</param>
/// <param name="useTemperatures">Whether the score differences are temperatures.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is outside its range.</exception>
public sealed class ProLoss(double beta = 0.05, bool useTemperatures = false) : IRankingLoss
{
    /// <summary>Weight of the likelihood term.</summary>
    public double Beta { get; } = Setting.NonNegative(beta);

    /// <summary>Whether the score differences are temperatures.</summary>
    public bool UseTemperatures { get; } = useTemperatures;

    /// <inheritdoc/>
    public LossNeeds Needs => Beta == 0 ? LossNeeds.Nothing : new() { LeastCandidates = 1 };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(ProLoss), ("Beta", Beta), ("UseTemperatures", UseTemperatures));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is malformed, or beta is above 0 and a group has no candidate.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        double loss = UseTemperatures ? WithTemperatures(batch, gradient) : PlackettLuceKernel.Evaluate<MeanLogProb>(batch, 1, gradient);
        return Beta == 0 ? loss : loss
            + (Beta * LikelihoodKernel.Add<MeanLogProb>(batch, MaximumLikelihoodTarget.BestCandidate, Beta, gradient));
    }

    private static double WithTemperatures(in RankingBatch batch, Span<double> gradient)
    {
        gradient.Clear();
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int end = first + batch.CandidateCounts[b];
            for (int k = first; k < end - 1; k++)
            {
                // Inverse temperatures are score differences; 1 / T_kk is the largest of them, that to the last candidate.
                double own = batch.Scores[k] - batch.Scores[end - 1];
                double exponent = MeanLogProb.Of(batch, k) * own;
                double max = exponent;
                for (int i = k + 1; i < end; i++)
                    max = Math.Max(max, Exponent(batch, k, i));
                double sum = Math.Exp(exponent - max);
                for (int i = k + 1; i < end; i++)
                    sum += Math.Exp(Exponent(batch, k, i) - max);
                double logSum = max + Math.Log(sum);

                total += logSum - exponent;
                gradient[k] += (Math.Exp(exponent - logSum) - 1) * own;
                for (int i = k + 1; i < end; i++)
                    gradient[i] += Math.Exp(Exponent(batch, k, i) - logSum) * (batch.Scores[k] - batch.Scores[i]);
            }

            for (int k = first; k < end; k++)
                gradient[k] *= MeanLogProb.Slope(batch, k) / batch.GroupCount;
        }

        return total / batch.GroupCount;
    }

    private static double Exponent(in RankingBatch batch, int k, int i) => MeanLogProb.Of(batch, i) * (batch.Scores[k] - batch.Scores[i]);
}
