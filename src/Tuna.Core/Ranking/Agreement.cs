namespace Tuna.Ranking;

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
    public static void AverageRanks(ReadOnlySpan<double> scores, Span<double> ranks)
    {
        if (ranks.Length != scores.Length)
            throw new ArgumentException($"{scores.Length} scores but room for {ranks.Length} ranks.", nameof(ranks));
        ThrowIfNaN(scores, nameof(scores));
        int[] order = new int[scores.Length];
        double[] negated = new double[scores.Length];
        for (int i = 0; i < order.Length; i++)
            (order[i], negated[i]) = (i, -scores[i]);
        Array.Sort(negated, order);
        for (int start = 0; start < order.Length;)
        {
            int end = start + 1;
            while (end < order.Length && negated[end] == negated[start])
                end++;
            for (int i = start; i < end; i++)
                ranks[order[i]] = (start + end + 1) / 2.0; // the mean of start + 1 .. end
            start = end;
        }
    }

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
    public static double KendallW(IReadOnlyList<double[]> rankings)
    {
        ArgumentNullException.ThrowIfNull(rankings);
        int judges = rankings.Count;
        if (judges < 2 || rankings[0].Length < 2)
            return double.NaN;
        int n = rankings[0].Length;
        var sums = new double[n];
        var ranks = new double[n];
        double ties = 0;
        foreach (double[] scores in rankings)
        {
            AverageRanks(scores, ranks); // its checks cover unequal lengths
            for (int i = 0; i < n; i++)
                sums[i] += ranks[i];
            ties += TieTerm(ranks);
        }

        double mean = judges * (n + 1) / 2.0;
        double s = 0;
        foreach (double sum in sums)
            s += (sum - mean) * (sum - mean);
        double n3 = (Math.Pow(n, 3) - n) * judges;
        double denominator = judges * (n3 - ties);
        return denominator <= 0 ? 1 : Math.Min(1, 12 * s / denominator);
    }

    // Sum over tied groups of t^3 - t: each of a group's t items has t - 1 companions at the same rank.
    private static double TieTerm(ReadOnlySpan<double> ranks)
    {
        double sum = 0;
        foreach (double rank in ranks)
        {
            int t = 0;
            foreach (double other in ranks)
                t += other == rank ? 1 : 0;
            sum += ((double)t * t) - 1; // t items add t (t^2 - 1) together
        }

        return sum;
    }

    private static void ThrowIfUnequal(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        if (a.Length != b.Length)
            throw new ArgumentException($"The two lists have {a.Length} and {b.Length} scores.", nameof(b));
        ThrowIfNaN(a, nameof(a));
        ThrowIfNaN(b, nameof(b));
    }

    private static void ThrowIfNaN(ReadOnlySpan<double> scores, string name)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            if (double.IsNaN(scores[i]))
                throw new ArgumentException($"Score {i} is NaN.", name);
        }
    }
}
