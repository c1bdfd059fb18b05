namespace Tuna.Losses;

/// <summary>The loop that the pairwise losses share.</summary>
internal static class PairKernel
{
    /// <summary>
    /// The mean over a group's selected pairs of term(z_j - z_k), then the mean over the groups. A group without a pair adds 0 and is
    /// counted.
    /// <paramref name="gradient"/> is overwritten.
    /// </summary>
    public static double Evaluate<TValue, TTerm>(in RankingBatch batch, PairSelection selection, TTerm term, Span<double> gradient)
        where TValue : struct, IResponseValue
        where TTerm : struct, IPairTerm
    {
        gradient.Clear();
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int end = first + batch.CandidateCounts[b];
            int lastWinner = selection is PairSelection.AllPairs or PairSelection.Adjacent ? end - 2 : Math.Min(first, end - 2);
            double sum = 0;
            int pairs = 0;
            for (int j = first; j <= lastWinner; j++)
            {
                double zj = TValue.Of(batch, j);
                int firstLoser = selection == PairSelection.BestVersusWorst ? end - 1 : j + 1;
                int endLosers = selection == PairSelection.Adjacent ? j + 2 : end;
                for (int k = firstLoser; k < endLosers; k++)
                {
                    if (batch.Scores[j] == batch.Scores[k])
                        continue;
                    pairs++;
                    sum += term.Evaluate(zj - TValue.Of(batch, k), out double slope);
                    gradient[j] += slope;
                    gradient[k] -= slope;
                }
            }

            if (pairs == 0)
                continue;
            total += sum / pairs;
            double weight = 1.0 / ((double)pairs * batch.GroupCount);
            for (int k = first; k < end; k++)
            {
                if (gradient[k] != 0)
                    gradient[k] *= weight * TValue.Slope(batch, k);
            }
        }

        return total / batch.GroupCount;
    }
}
