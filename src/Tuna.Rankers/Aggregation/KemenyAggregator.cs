using System.Numerics;

namespace Tuna.Rankers.Aggregation;

/// <summary>Kemeny's rule, exact: the order with the fewest pairwise disagreements with the ballots; scores are K for the first down to 1
/// for the last.</summary>
/// <remarks>
/// Kemeny (1959). Found by dynamic programming over the sets of candidates already placed, O(2^K K^2); among equally good orders the one
/// that places lower indices first.
/// </remarks>
public sealed class KemenyAggregator : IRankAggregator
{
    /// <summary>Most candidates that are ordered exactly.</summary>
    public const int MaxCandidates = 12;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">As the interface says, or there are more than <see cref="MaxCandidates"/>
    /// candidates.</exception>
    public double[] Aggregate(IReadOnlyList<IReadOnlyList<double?>> ballots)
    {
        double[,] wins = Ballots.Wins(ballots);
        int n = wins.GetLength(0);
        if (n > MaxCandidates)
            throw new ArgumentException(
                $"There are {n} candidates; an exact Kemeny order is computed for {MaxCandidates} at most. Use another aggregator.",
                nameof(ballots));

        // cost[set]: fewest disagreements when the candidates of the set fill the last places, in the best order among themselves.
        // Working from the end lets the reconstruction choose the lowest index first.
        int all = (1 << n) - 1;
        var cost = new double[all + 1];
        for (int set = 1; set <= all; set++)
        {
            cost[set] = double.PositiveInfinity;
            for (int first = set; first != 0; first &= first - 1)
                cost[set] = Math.Min(cost[set], CostOfFirst(BitOperations.TrailingZeroCount(first), set));
        }

        var scores = new double[n];
        int left = all;
        for (int place = 0; place < n; place++)
        {
            for (int rest = left; rest != 0; rest &= rest - 1)
            {
                int k = BitOperations.TrailingZeroCount(rest);
                if (CostOfFirst(k, left) > cost[left]) // computed the same way as above, so equality is exact
                    continue;
                scores[k] = n - place;
                left &= ~(1 << k);
                break;
            }
        }

        return scores;

        double CostOfFirst(int k, int set)
        {
            int others = set & ~(1 << k);
            double disagreements = cost[others];
            for (int rest = others; rest != 0; rest &= rest - 1)
                disagreements += wins[BitOperations.TrailingZeroCount(rest), k];
            return disagreements;
        }
    }
}
