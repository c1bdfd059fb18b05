namespace Tuna.Ranking;

/// <summary>Ranks with ties, and Kendall's W over several rankings: what the rankers' judgments and the evaluation's measures have in
/// common. Compiled into both.</summary>
internal static class Concordance
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

    /// <exception cref="ArgumentException">A score is NaN.</exception>
    public static void ThrowIfNaN(ReadOnlySpan<double> scores, string name)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            if (double.IsNaN(scores[i]))
                throw new ArgumentException($"Score {i} is NaN.", name);
        }
    }
}
