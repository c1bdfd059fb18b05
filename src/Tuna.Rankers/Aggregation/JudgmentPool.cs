using Tuna.Ranking;

namespace Tuna.Rankers.Aggregation;

/// <summary>Makes one result of several judgments of the same row.</summary>
internal static class JudgmentPool
{
    /// <summary>Aggregates results over the same candidates in the same order.</summary>
    /// <param name="results">At least one.</param>
    /// <param name="aggregator">How.</param>
    /// <param name="usage">What all of it cost.</param>
    public static RankingResult Combine(IReadOnlyList<RankingResult> results, IRankAggregator aggregator, RankingUsage usage)
    {
        if (results.Count == 1)
            return results[0] with { Usage = usage };
        IReadOnlyList<IReadOnlyList<double?>> ballots = [.. results.Select(r => r.Scores)];
        double[] scores = aggregator.Aggregate(ballots);
        int n = scores.Length;
        // Most judgments decide whether a candidate is a duplicate; when they disagree on which twin to drop, both stay.
        bool[] kept = [.. Enumerable.Range(0, n).Select(k => 2 * ballots.Count(b => b[k] is null) <= ballots.Count)];
        return new RankingResult
        {
            Scores = [.. scores.Select((s, k) => kept[k] ? s : (double?)null)],
            Order = [.. Enumerable.Range(0, n).Where(k => kept[k]).OrderByDescending(k => scores[k])],
            Usage = usage,
            Consistency = Consistency(ballots),
            PairSupport = Support(Ballots.Wins(ballots)),
            AspectScores = MeanAspects(results, n),
            JudgeReference = results.Select(r => r.JudgeReference).FirstOrDefault(r => r is not null),
        };
    }

    /// <summary>Kendall's W over the candidates that all ballots rank; null when fewer than two are.</summary>
    public static double? Consistency(IReadOnlyList<IReadOnlyList<double?>> ballots)
    {
        int[] common = [.. Enumerable.Range(0, ballots[0].Count).Where(k => ballots.All(b => b[k] is not null))];
        double w = Concordance.KendallW([.. ballots.Select(b => Array.ConvertAll(common, k => b[k]!.Value))]);
        return double.IsNaN(w) ? null : w;
    }

    private static double[][] Support(double[,] wins)
    {
        int n = wins.GetLength(0);
        // 0/0 is NaN
        return [.. Enumerable.Range(0, n)
            .Select(i => (double[])[.. Enumerable.Range(0, n).Select(k => i == k ? 0.5 : wins[i, k] / (wins[i, k] + wins[k, i]))])];
    }

    private static IReadOnlyList<double>?[]? MeanAspects(IReadOnlyList<RankingResult> results, int n)
    {
        var means = new IReadOnlyList<double>?[n];
        for (int k = 0; k < n; k++)
        {
            IReadOnlyList<double>[] given = [.. results.Select(r => r.AspectScores?[k]).OfType<IReadOnlyList<double>>()];
            if (given.Length > 0)
                means[k] = [.. Enumerable.Range(0, given.Min(a => a.Count)).Select(a => given.Average(x => x[a]))];
        }

        return Array.Exists(means, m => m is not null) ? means : null;
    }
}
