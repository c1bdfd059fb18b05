namespace Tuna.Losses;

/// <summary>Tuna's objective: a margin ranking loss over all pairs of ranked responses, with a likelihood regularizer.</summary>
/// <remarks>
/// <para>Li, Liu, Zhang, Lu, Wei, <i>Tuna: Instruction Tuning using Feedback from Large Language Models</i>, arXiv 2310.13385, Eq.
/// 4-6:</para>
/// <code>
/// v_k    = log p(r_k | i) / |r_k|
/// L_rank = sum over j &lt; k of max(0, v_k - v_j + m (k - j))
/// L      = L_rank + lambda L_MLE(i, r),   L_MLE(i, r) = -log p(r | i) / |r|
/// </code>
/// <para>
/// where r_0 .. r_{K-1} are the candidates, best first, r the reference (original) response, |.| a length in tokens, m the margin.
/// At a hinge's kink the subgradient is 0. The gradient of a response whose hinges are all satisfied is exactly zero.
/// </para>
/// <para>
/// Deviations. Eq. 6 prints L_MLE without the minus sign that Eq. 2 has; the sign of Eq. 2 is used. The paper defines one instruction;
/// the batch is reduced as <see cref="MarginReduction"/> says, which also holds the reduction of the authors' released code.
/// In <see cref="MarginReduction.Paper"/> pairs of equal score say nothing about preference and are skipped.
/// </para>
/// <para>
/// A group with fewer than two candidates has no pairs and adds nothing to the ranking term. <see cref="MarginReduction.Released"/>
/// averages over the whole micro-batch, so its value depends on how groups are batched.
/// </para>
/// </remarks>
public sealed class MarginRankingLoss : IRankingLoss
{
    /// <summary>Creates the loss; the defaults are the paper's.</summary>
    /// <param name="margin">Margin m per rank of distance, in nats per token, finite, >= 0.</param>
    /// <param name="lambda">Weight of the likelihood term, finite, >= 0.</param>
    /// <param name="reduction">The paper's reductions or the released code's.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public MarginRankingLoss(double margin = 0.1, double lambda = 1.0, MarginReduction reduction = MarginReduction.Paper)
    {
        Margin = Setting.NonNegative(margin);
        Lambda = Setting.NonNegative(lambda);
        Reduction = Setting.Defined(reduction);
    }

    /// <summary>Margin m per rank of distance, nats per token.</summary>
    public double Margin { get; }

    /// <summary>Weight of the likelihood term.</summary>
    public double Lambda { get; }

    /// <summary>How pairs and the likelihood are reduced.</summary>
    public MarginReduction Reduction { get; }

    /// <inheritdoc/>
    public LossNeeds Needs => Lambda == 0 ? LossNeeds.Nothing
        : Reduction == MarginReduction.Paper ? new() { ReferenceResponse = true }
        : new() { LeastCandidates = 1 };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(MarginRankingLoss), ("Margin", Margin), ("Lambda", Lambda), ("Reduction", Reduction));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">
    /// The batch is malformed; or lambda is above 0 and a group has no reference response (<see cref="MarginReduction.Paper"/>) or the
    /// batch no candidate (<see cref="MarginReduction.Released"/>).
    /// </exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient) => EvaluateTerms(batch, gradient).Loss;

    /// <summary>As <see cref="Evaluate"/>, and tells the terms apart.</summary>
    /// <param name="batch">A micro-batch of groups.</param>
    /// <param name="gradient">Receives dL/d(summed log-probability), [R].</param>
    /// <exception cref="ArgumentException">As for <see cref="Evaluate"/>.</exception>
    public MarginRankingTerms EvaluateTerms(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient);
        gradient.Clear();
        return Reduction == MarginReduction.Paper ? Paper(batch, gradient) : Released(batch, gradient);
    }

    private MarginRankingTerms Paper(in RankingBatch batch, Span<double> gradient)
    {
        double rank = 0;
        int pairs = 0, active = 0;
        double groups = batch.GroupCount;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int end = first + batch.CandidateCounts[b];
            for (int j = first; j < end - 1; j++)
            {
                double vj = MeanLogProb.Of(batch, j);
                for (int k = j + 1; k < end; k++)
                {
                    if (batch.Scores[j] == batch.Scores[k])
                        continue;
                    pairs++;
                    double hinge = MeanLogProb.Of(batch, k) - vj + (Margin * (k - j));
                    if (hinge <= 0)
                        continue; // a NaN falls through, so that it reaches the loss
                    active++;
                    rank += hinge;
                    gradient[j]--; // counts, which cancel exactly
                    gradient[k]++;
                }
            }

            for (int k = first; k < end; k++)
                gradient[k] /= groups * batch.Lengths[k];
        }

        rank /= groups;
        double likelihood = Lambda == 0 ? 0 : LikelihoodKernel.Add<MeanLogProb>(batch, MaximumLikelihoodTarget.Reference, Lambda, gradient);
        return new(rank, likelihood, rank + (Lambda * likelihood), pairs, active);
    }

    private MarginRankingTerms Released(in RankingBatch batch, Span<double> gradient)
    {
        double rank = 0;
        int pairs = 0, active = 0;
        for (int d = 1, atDistance; (atDistance = PairsAtDistance(batch, d)) > 0; d++)
        {
            double sum = 0, weight = 1.0 / atDistance;
            pairs += atDistance;
            for (int b = 0; b < batch.GroupCount; b++)
            {
                int end = batch.Offsets[b] + batch.CandidateCounts[b];
                for (int j = batch.Offsets[b]; j + d < end; j++)
                {
                    double hinge = MeanLogProb.Of(batch, j + d) - MeanLogProb.Of(batch, j) + (Margin * d);
                    if (hinge <= 0)
                        continue;
                    active++;
                    sum += hinge;
                    gradient[j] -= weight;
                    gradient[j + d] += weight;
                }
            }

            rank += sum / atDistance;
        }

        long tokens = CandidateTokens(batch);
        if (tokens == 0 && Lambda > 0)
            throw new ArgumentException("The batch has no candidate for the likelihood term; give candidates, or set lambda to 0.",
                nameof(batch));
        double likelihood = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int end = batch.Offsets[b] + batch.CandidateCounts[b];
            for (int k = batch.Offsets[b]; k < end; k++)
            {
                likelihood -= batch.Values[k] / tokens;
                gradient[k] = (gradient[k] / batch.Lengths[k]) - (Lambda / tokens);
            }
        }

        return new(rank, likelihood, rank + (Lambda * likelihood), pairs, active);
    }

    private static int PairsAtDistance(in RankingBatch batch, int distance)
    {
        int n = 0;
        foreach (int candidates in batch.CandidateCounts)
            n += Math.Max(0, candidates - distance);
        return n;
    }

    private static long CandidateTokens(in RankingBatch batch)
    {
        long n = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            for (int k = batch.Offsets[b]; k < batch.Offsets[b] + batch.CandidateCounts[b]; k++)
                n += batch.Lengths[k];
        }

        return n;
    }
}
