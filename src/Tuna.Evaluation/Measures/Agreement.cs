using Tuna.Ranking;

namespace Tuna.Evaluation.Measures;

/// <summary>How far rankings agree: Spearman's rho, Kendall's tau-b and W, and the share of pairs ordered alike.</summary>
/// <remarks>
/// All work on scores (higher is better) and use their order only, so a ranking is given as minus its positions. Ties get the mean of the
/// ranks they cover. Kendall, "Rank Correlation Methods" (1948); Kendall and Babington Smith (1939) for W.
/// </remarks>
public static class Agreement
{
    /// <summary>Ranks from 1 for the highest score, ties sharing their mean rank.</summary>
    /// <param name="scores">Finite scores, [K].</param>
    /// <param name="ranks">Receives the ranks, [K].</param>
    /// <exception cref="ArgumentException">The lengths differ or a score is NaN.</exception>
    public static void AverageRanks(ReadOnlySpan<double> scores, Span<double> ranks) => Concordance.AverageRanks(scores, ranks);

    /// <summary>Spearman's rank correlation: Pearson's correlation of the average ranks, [-1, 1].</summary>
    /// <returns>NaN when there are fewer than two items or one side is all ties.</returns>
    /// <exception cref="ArgumentException">The lengths differ or a score is NaN.</exception>
    public static double Spearman(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ThrowIfUnequal(a, b);
        var x = new double[a.Length];
        var y = new double[b.Length];
        AverageRanks(a, x);
        AverageRanks(b, y);
        double mean = (a.Length + 1) / 2.0;
        double xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double dx = x[i] - mean, dy = y[i] - mean;
            xy += dx * dy;
            xx += dx * dx;
            yy += dy * dy;
        }

        return xy / Math.Sqrt(xx * yy); // 0/0 is NaN
    }

    /// <summary>Kendall's tau-b: (concordant - discordant) / sqrt((pairs not tied in a)(pairs not tied in b)), [-1, 1].</summary>
    /// <returns>NaN when there are fewer than two items or one side is all ties.</returns>
    /// <exception cref="ArgumentException">The lengths differ or a score is NaN.</exception>
    public static double KendallTauB(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ThrowIfUnequal(a, b);
        long difference = 0, untiedA = 0, untiedB = 0;
        for (int i = 1; i < a.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                int x = a[i].CompareTo(a[j]), y = b[i].CompareTo(b[j]);
                difference += x * y;
                untiedA += x * x;
                untiedB += y * y;
            }
        }

        return difference / Math.Sqrt((double)untiedA * untiedB);
    }

    /// <summary>The share of pairs that <paramref name="truth"/> orders which <paramref name="predicted"/> orders the same way; a predicted
    /// tie counts one half. [0, 1].</summary>
    /// <returns>NaN when the truth orders no pair.</returns>
    /// <exception cref="ArgumentException">The lengths differ or a score is NaN.</exception>
    public static double PairwiseAccuracy(ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted)
    {
        ThrowIfUnequal(truth, predicted);
        double right = 0;
        long pairs = 0;
        for (int i = 1; i < truth.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                int x = truth[i].CompareTo(truth[j]);
                if (x == 0)
                    continue;
                pairs++;
                right += (1 + (x * predicted[i].CompareTo(predicted[j]))) / 2.0;
            }
        }

        return right / pairs;
    }

    /// <summary>Kendall's coefficient of concordance of several rankings of the same items, corrected for ties, [0, 1]; 1 means that all
    /// agree.</summary>
    /// <param name="rankings">J score lists of the same K items, [J][K].</param>
    /// <returns>W = 12 S / (J^2 (K^3 - K) - J T), with S the squared deviations of the items' rank sums and T the sum of t^3 - t over the
    /// tied groups. NaN with fewer than two rankings or two items; 1 when every ranking is all ties, since none contradicts
    /// another.</returns>
    /// <exception cref="ArgumentException">The lengths differ or a score is NaN.</exception>
    public static double KendallW(IReadOnlyList<double[]> rankings) => Concordance.KendallW(rankings);

    private static void ThrowIfUnequal(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        if (a.Length != b.Length)
            throw new ArgumentException($"The two lists have {a.Length} and {b.Length} scores.", nameof(b));
        Concordance.ThrowIfNaN(a, nameof(a));
        Concordance.ThrowIfNaN(b, nameof(b));
    }
}
