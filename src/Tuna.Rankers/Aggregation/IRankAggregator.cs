namespace Tuna.Rankers.Aggregation;

/// <summary>Makes one ranking of several over the same candidates.</summary>
/// <remarks>Implementations are immutable and thread-safe. They use the order within each ballot, not the size of its scores, since judges
/// use scales differently.</remarks>
public interface IRankAggregator
{
    /// <summary>Scores the candidates by all ballots.</summary>
    /// <param name="ballots">J score lists, higher is better, equal scores are ties, null for a candidate that the ballot leaves out;
    /// [J][K], J and K at least 1.</param>
    /// <returns>One finite score per candidate, higher is better, [K].</returns>
    /// <exception cref="ArgumentException">There is no ballot, the ballots differ in length, or a score is not finite.</exception>
    double[] Aggregate(IReadOnlyList<IReadOnlyList<double?>> ballots);
}
