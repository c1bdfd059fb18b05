namespace Tuna.Rankers.Aggregation;

/// <summary>The Plackett-Luce model fitted to the ballots; scores are log-strengths with mean 0.</summary>
/// <remarks>
/// Luce (1959), Plackett (1975): at each place a candidate is chosen with a probability proportional to its strength among those left.
/// Fitted by the minorization-maximization of Hunter (2004), section 5. A tied group counts as choices from the same set (Breslow). Each
/// candidate also wins and loses
/// <see cref="Prior"/> comparisons with an imaginary one of strength 1, which keeps strengths finite when a candidate never loses, and
/// pulls them together when ballots are few.
/// </remarks>
public sealed class PlackettLuceAggregator : IRankAggregator
{
    private const int MaxIterations = 10_000;
    private const double Tolerance = 1e-12;

    // What the iteration leaves between candidates that the ballots treat alike is smaller than this.
    private const int Decimals = 9;

    /// <summary>Creates the aggregator.</summary>
    /// <param name="prior">Imaginary wins and losses of each candidate, above 0. Default 0.1.</param>
    public PlackettLuceAggregator(double prior = 0.1)
    {
        if (!(prior > 0) || double.IsInfinity(prior))
            throw new ArgumentOutOfRangeException(nameof(prior), prior, "The prior is finite and above 0.");
        Prior = prior;
    }

    /// <summary>Imaginary wins and losses of each candidate.</summary>
    public double Prior { get; }

    /// <inheritdoc/>
    public double[] Aggregate(IReadOnlyList<IReadOnlyList<double?>> ballots)
    {
        int n = Ballots.Validate(ballots);
        List<(int[] Chosen, int[] Among)> stages = [.. ballots.SelectMany(Stages)];
        var wins = new double[n];
        foreach (int k in stages.SelectMany(s => s.Chosen))
            wins[k]++;

        var strength = new double[n];
        Array.Fill(strength, 1.0);
        var weight = new double[n];
        for (int iteration = 0; iteration < MaxIterations; iteration++)
        {
            for (int k = 0; k < n; k++)
                weight[k] = 2 * Prior / (strength[k] + 1);
            foreach ((int[] chosen, int[] among) in stages)
            {
                double total = 0;
                foreach (int k in among)
                    total += strength[k];
                foreach (int k in among)
                    weight[k] += chosen.Length / total;
            }

            double change = 0;
            for (int k = 0; k < n; k++)
            {
                double next = (wins[k] + Prior) / weight[k];
                change = Math.Max(change, Math.Abs(Math.Log(next / strength[k])));
                strength[k] = next;
            }

            if (change < Tolerance)
                break;
        }

        double[] scores = Array.ConvertAll(strength, Math.Log);
        double mean = scores.Average();
        return Array.ConvertAll(scores, s => Math.Round(s - mean, Decimals));
    }

    // The choices a ballot makes: at each place, who was chosen and among whom. The last place is no choice.
    private static IEnumerable<(int[] Chosen, int[] Among)> Stages(IReadOnlyList<double?> ballot)
    {
        int[] left = [.. Enumerable.Range(0, ballot.Count).Where(k => ballot[k] is not null)];
        while (left.Length > 1)
        {
            double best = left.Max(k => ballot[k]!.Value);
            int[] chosen = [.. left.Where(k => ballot[k] == best)];
            yield return (chosen, left);
            left = [.. left.Except(chosen)];
        }
    }
}
