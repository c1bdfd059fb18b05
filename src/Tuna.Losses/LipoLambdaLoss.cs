using System.Buffers;

namespace Tuna.Losses;

/// <summary>LiPO-lambda: a logistic loss over all pairs, each weighted by what swapping it would change in the discounted gain.</summary>
/// <remarks>
/// <para>Liu et al., <i>LiPO: Listwise Preference Optimization through Learning-to-Rank</i>, arXiv 2402.01878:</para>
/// <code>
/// s_i = beta (log p(y_i) - log p_ref(y_i))
/// L   = sum over psi_i > psi_j of |G_i - G_j| |1 / D(tau_i) - 1 / D(tau_j)| log(1 + exp(-(s_i - s_j)))
/// G_i = 2^psi_i - 1,   D(t) = ln(1 + t)
/// </code>
/// <para>
/// where psi_i is the candidate's score, used as its label (in [0, 1] in the paper), and tau_i the 1-based rank of s_i, descending; equal s
/// rank in
/// the order they come. The weights are constants for the gradient, so at every point the loss has a gradient but is not its integral
/// across swaps of rank.
/// Pairs of equal label are skipped, and labels are read from the scores, so the candidates may come in any order.
/// With base-2 logarithms in D the loss would be ln 2 times this one. The sum over a group's pairs, then the mean over the groups.
/// </para>
/// </remarks>
/// <param name="beta">Strength of the pull to the reference policy, > 0.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is outside its range.</exception>
public sealed class LipoLambdaLoss(double beta = 0.1) : IRankingLoss
{
    private const int OnStack = 256;

    /// <summary>Strength of the pull to the reference policy.</summary>
    public double Beta { get; } = Setting.Positive(beta);

    /// <inheritdoc/>
    public LossNeeds Needs { get; } = new() { ReferencePolicy = true, ScoresBelow = 1024 };

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(LipoLambdaLoss), ("Beta", Beta));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is malformed, or a score is so large that its gain is infinite.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: true, bestFirst: false);
        gradient.Clear();
        int widest = 0;
        foreach (int candidates in batch.CandidateCounts)
            widest = Math.Max(widest, candidates);
        double[]? rented = widest > OnStack ? ArrayPool<double>.Shared.Rent(2 * widest) : null;
        Span<double> scratch = rented ?? stackalloc double[2 * OnStack];
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
            total += Group(batch, b, scratch[..widest], scratch[widest..], gradient);
        if (rented is not null)
            ArrayPool<double>.Shared.Return(rented);
        return total / batch.GroupCount;
    }

    private double Group(in RankingBatch batch, int b, Span<double> discounts, Span<double> gains, Span<double> gradient)
    {
        int first = batch.Offsets[b];
        int count = batch.CandidateCounts[b];
        for (int i = 0; i < count; i++)
        {
            double value = LogRatio.Of(batch, first + i);
            int rank = 1;
            for (int j = 0; j < count; j++)
            {
                double other = LogRatio.Of(batch, first + j);
                if (other > value || (other == value && j < i))
                    rank++;
            }

            discounts[i] = 1 / Math.Log(1 + rank);
            gains[i] = Math.Pow(2, batch.Scores[first + i]) - 1;
            if (!double.IsFinite(gains[i]))
                throw BatchGuard.Error(batch, b,
                    $"2 to the score {batch.Scores[first + i]} of candidate {i} overflows; scale the scores, for instance into [0, 1].");
        }

        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            double si = Beta * LogRatio.Of(batch, first + i);
            for (int j = 0; j < count; j++)
            {
                if (!(batch.Scores[first + i] > batch.Scores[first + j]))
                    continue;
                double x = si - (Beta * LogRatio.Of(batch, first + j));
                double weight = Math.Abs(gains[i] - gains[j]) * Math.Abs(discounts[i] - discounts[j]);
                sum += weight * StableMath.Softplus(-x, out double sigmoid);
                double slope = weight * Beta * sigmoid / batch.GroupCount;
                gradient[first + i] -= slope;
                gradient[first + j] += slope;
            }
        }

        return sum;
    }
}
