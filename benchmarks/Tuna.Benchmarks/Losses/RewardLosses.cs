namespace Tuna.Benchmarks.Losses;

/// <summary>The losses on rewards, plainly: as loops over arrays and as LINQ queries.</summary>
internal static class RewardLosses
{
    private const double Beta = 0.05, Low = 3e-4, High = 4e-4;

    public static (double, double[][]) Rloo(Group[] batch)
    {
        double[][] gradient = [.. batch.Select(g => new double[g.LogProbs.Length])];
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            double sum = 0;
            for (int i = 0; i < g.Candidates; i++)
                sum += Reward(g, i);
            for (int i = 0; i < g.Candidates; i++)
            {
                double advantage = Reward(g, i) - ((sum - Reward(g, i)) / (g.Candidates - 1));
                gradient[b][i] = -advantage / g.Candidates / batch.Length;
                total += gradient[b][i] * g.LogProbs[i];
            }
        }

        return (total, gradient);
    }

    public static (double, double[][]) RlooLinq(Group[] batch)
    {
        var groups = batch.Select(g =>
        {
            double[] rewards = [.. Enumerable.Range(0, g.Candidates).Select(i => Reward(g, i))];
            return g.LogProbs.Select((_, i) => i == g.Candidates ? 0
                : -(rewards[i] - rewards.Where((_, j) => j != i).Average()) / g.Candidates / batch.Length).ToArray();
        }).ToArray();
        return (groups.Zip(batch).Sum(p => p.First.Zip(p.Second.LogProbs, (d, v) => d * v).Sum()), groups);
    }

    public static (double, double[][]) Gspo(Group[] batch)
    {
        double[][] gradient = [.. batch.Select(g => new double[g.LogProbs.Length])];
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            double mean = 0, squares = 0;
            for (int i = 0; i < g.Candidates; i++)
                mean += g.Scores[i] / g.Candidates;
            for (int i = 0; i < g.Candidates; i++)
                squares += (g.Scores[i] - mean) * (g.Scores[i] - mean);
            double std = Math.Sqrt(squares / (g.Candidates - 1));
            for (int i = 0; i < g.Candidates; i++)
            {
                (double loss, double slope) = Clipped(g, i, (g.Scores[i] - mean) / std);
                total += loss / g.Candidates / batch.Length;
                gradient[b][i] = slope / g.Candidates / batch.Length;
            }
        }

        return (total, gradient);
    }

    public static (double, double[][]) GspoLinq(Group[] batch)
    {
        var groups = batch.Select(g =>
        {
            double mean = g.Scores.Average(), std = Math.Sqrt(g.Scores.Sum(r => (r - mean) * (r - mean)) / (g.Candidates - 1));
            return g.Scores.Select((r, i) => Clipped(g, i, (r - mean) / std)).ToArray();
        }).ToArray();
        return (groups.Average(g => g.Average(t => t.Loss)),
            [.. groups.Select(g => g.Select(t => t.Slope / g.Length / batch.Length).Append(0).ToArray())]);
    }

    private static double Reward(Group g, int i) => g.Scores[i] - (Beta * g.Ratio(i));

    private static (double Loss, double Slope) Clipped(Group g, int i, double advantage)
    {
        double ratio = Math.Exp((g.LogProbs[i] - g.OldPolicy[i]) / g.Lengths[i]);
        double clipped = Math.Clamp(ratio, 1 - Low, 1 + High);
        return ratio * advantage < clipped * advantage || clipped == ratio
            ? (-ratio * advantage, -ratio * advantage / g.Lengths[i]) : (-clipped * advantage, 0);
    }
}
