namespace Tuna.Rankers.Aggregation;

/// <summary>Copeland's rule: for every other candidate, 1 when most ballots place this one above it, one half when they are even; a sum in
/// [0, K - 1].</summary>
/// <remarks>Copeland (1951). A candidate that beats each other one by majority comes first. Coarse: scores often tie, and losses skip tied
/// pairs.</remarks>
public sealed class CopelandAggregator : IRankAggregator
{
    /// <inheritdoc/>
    public double[] Aggregate(IReadOnlyList<IReadOnlyList<double?>> ballots)
    {
        double[,] wins = Ballots.Wins(ballots);
        var scores = new double[wins.GetLength(0)];
        for (int i = 0; i < scores.Length; i++)
        {
            for (int k = 0; k < scores.Length; k++)
            {
                if (k != i)
                    scores[i] += wins[i, k] > wins[k, i] ? 1 : wins[i, k] == wins[k, i] ? 0.5 : 0;
            }
        }

        return scores;
    }
}
