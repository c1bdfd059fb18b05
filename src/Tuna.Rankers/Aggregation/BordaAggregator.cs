namespace Tuna.Rankers.Aggregation;

/// <summary>Borda's count: the mean share of the other candidates that a candidate beats, [0, 1].</summary>
/// <remarks>de Borda (1781). A tie counts one half; ballots that leave a candidate out do not count for it, and its share is of those
/// present.</remarks>
public sealed class BordaAggregator : IRankAggregator
{
    // Shares with other denominators are further apart than this; sums in another order are not.
    private const int Decimals = 12;

    /// <inheritdoc/>
    public double[] Aggregate(IReadOnlyList<IReadOnlyList<double?>> ballots)
    {
        int n = Ballots.Validate(ballots);
        var scores = new double[n];
        for (int i = 0; i < n; i++)
        {
            double sum = 0;
            int counted = 0;
            foreach (IReadOnlyList<double?> ballot in ballots)
            {
                int others = ballot.Count(s => s is not null) - 1;
                if (ballot[i] is not { } mine || others < 1)
                    continue;
                double beaten = 0;
                for (int k = 0; k < n; k++)
                {
                    if (k != i && ballot[k] is { } other)
                        beaten += mine > other ? 1 : mine == other ? 0.5 : 0;
                }

                sum += beaten / others;
                counted++;
            }

            scores[i] = counted > 0 ? Math.Round(sum / counted, Decimals) : 0;
        }

        return scores;
    }
}
