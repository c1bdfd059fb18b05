using static Tuna.Benchmarks.Losses.PlainTerms;

namespace Tuna.Benchmarks.Losses;

/// <summary>The scalar references: loops over arrays in double precision, one group at a time.</summary>
internal static class ScalarLosses
{
    public static IReadOnlyDictionary<string, PlainLoss> All { get; } = new Dictionary<string, PlainLoss>
    {
        ["Margin"] = Margin,
        ["MarginReleased"] = MarginReleased,
        ["MLE"] = Mle,
        ["RRHF"] = Rrhf,
        ["SLiC-HF"] = b => Add(Pairwise(b, (g, k) => g.LogProbs[k], (_, _) => 1, h => Hinge(h, 1, 1)), b, g => g.Candidates, 0.1,
            (g, k) => g.LogProbs[k], (_, _) => 1),
        ["DPO"] = b => Pairwise(b, (g, k) => g.Ratio(k), (_, _) => 1, h => Logistic(h, 0.1, 0)),
        ["IPO"] = b => Pairwise(b, (g, k) => g.Ratio(k), (_, _) => 1, h => Square(h, 5)),
        ["RSO"] = b => Pairwise(b, (g, k) => g.Ratio(k), (_, _) => 1, h => Hinge(h, 0.05, 1)),
        ["SimPO"] = b => Pairwise(b, (g, k) => g.Mean(k), (g, k) => 1.0 / g.Lengths[k], h => Logistic(h, 2, 1)),
        ["ORPO"] = b => Add(Scale(Pairwise(b, LogOdds, LogOddsSlope, h => Logistic(h, 1, 0)), 0.1), b, _ => 0, 1, (g, k) => g.Mean(k),
            (g, k) => 1.0 / g.Lengths[k]),
        ["Bradley-Terry"] = b => Pairwise(b, (g, k) => g.LogProbs[k], (_, _) => 1, h => Logistic(h, 1, 0)),
        ["ListMLE"] = b => PlackettLuce(b, (g, k) => g.Mean(k), (g, k) => 1.0 / g.Lengths[k]),
        ["ListMLE-ratio"] = b => PlackettLuce(b, (g, k) => 0.1 * g.Ratio(k), (_, _) => 0.1),
        ["PRO"] = b => Add(PlackettLuce(b, (g, k) => g.Mean(k), (g, k) => 1.0 / g.Lengths[k]), b, _ => 0, 0.05, (g, k) => g.Mean(k),
            (g, k) => 1.0 / g.Lengths[k]),
        ["PRO-temperature"] = b => Add(ProTemperature(b), b, _ => 0, 0.05, (g, k) => g.Mean(k), (g, k) => 1.0 / g.Lengths[k]),
        ["LiPO"] = Lipo,
        ["RLOO"] = RewardLosses.Rloo,
        ["GSPO"] = RewardLosses.Gspo,
    };

    private static (double, double[][]) Margin(Group[] batch)
    {
        double[][] gradient = Zeros(batch);
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            for (int j = 0; j < g.Candidates; j++)
            {
                for (int k = j + 1; k < g.Candidates; k++)
                {
                    double hinge = g.Mean(k) - g.Mean(j) + (0.1 * (k - j));
                    if (hinge <= 0)
                        continue;
                    total += hinge;
                    gradient[b][j] -= 1.0 / g.Lengths[j] / batch.Length;
                    gradient[b][k] += 1.0 / g.Lengths[k] / batch.Length;
                }
            }
        }

        return Add((total / batch.Length, gradient), batch, g => g.Candidates, 1, (g, k) => g.Mean(k), (g, k) => 1.0 / g.Lengths[k]);
    }

    private static (double, double[][]) MarginReleased(Group[] batch)
    {
        double[][] gradient = Zeros(batch);
        int widest = 0;
        double rank = 0, nll = 0, tokens = 0;
        foreach (Group g in batch)
            widest = Math.Max(widest, g.Candidates);
        for (int d = 1; d < widest; d++)
        {
            double sum = 0;
            int pairs = 0;
            foreach (Group g in batch)
                pairs += Math.Max(0, g.Candidates - d);
            for (int b = 0; b < batch.Length; b++)
            {
                Group g = batch[b];
                for (int j = 0; j + d < g.Candidates; j++)
                {
                    double hinge = g.Mean(j + d) - g.Mean(j) + (0.1 * d);
                    if (hinge <= 0)
                        continue;
                    sum += hinge;
                    gradient[b][j] -= 1.0 / pairs / g.Lengths[j];
                    gradient[b][j + d] += 1.0 / pairs / g.Lengths[j + d];
                }
            }

            rank += sum / pairs;
        }

        foreach (Group g in batch)
        {
            for (int k = 0; k < g.Candidates; k++)
            {
                nll -= g.LogProbs[k];
                tokens += g.Lengths[k];
            }
        }

        for (int b = 0; b < batch.Length; b++)
        {
            for (int k = 0; k < batch[b].Candidates; k++)
                gradient[b][k] -= 1 / tokens;
        }

        return (rank + (nll / tokens), gradient);
    }

    private static (double, double[][]) Mle(Group[] batch) =>
        Add((0, Zeros(batch)), batch, g => g.Candidates, 1, (g, k) => g.Mean(k), (g, k) => 1.0 / g.Lengths[k]);

    private static (double, double[][]) Rrhf(Group[] batch)
    {
        double[][] gradient = Zeros(batch);
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            for (int i = 0; i < g.Candidates; i++)
            {
                for (int j = 0; j < g.Candidates; j++)
                {
                    if (g.Scores[i] >= g.Scores[j] || g.Mean(i) <= g.Mean(j))
                        continue;
                    total += g.Mean(i) - g.Mean(j);
                    gradient[b][i] += 1.0 / g.Lengths[i] / batch.Length;
                    gradient[b][j] -= 1.0 / g.Lengths[j] / batch.Length;
                }
            }
        }

        return Add((total / batch.Length, gradient), batch, _ => 0, 1, (g, k) => g.LogProbs[k], (_, _) => 1);
    }

    private static (double, double[][]) Pairwise(Group[] batch, Func<Group, int, double> value, Func<Group, int, double> valueSlope,
        Func<double, (double Loss, double Slope)> term)
    {
        double[][] gradient = Zeros(batch);
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            double weight = 2.0 / ((double)g.Candidates * (g.Candidates - 1) * batch.Length);
            for (int j = 0; j < g.Candidates; j++)
            {
                for (int k = j + 1; k < g.Candidates; k++)
                {
                    (double loss, double slope) = term(value(g, j) - value(g, k));
                    total += loss * weight;
                    gradient[b][j] += slope * weight * valueSlope(g, j);
                    gradient[b][k] -= slope * weight * valueSlope(g, k);
                }
            }
        }

        return (total, gradient);
    }

    private static (double, double[][]) PlackettLuce(Group[] batch, Func<Group, int, double> score, Func<Group, int, double> slope)
    {
        double[][] gradient = Zeros(batch);
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            for (int k = 0; k < g.Candidates - 1; k++)
            {
                double max = double.NegativeInfinity, sum = 0;
                for (int i = k; i < g.Candidates; i++)
                    max = Math.Max(max, score(g, i));
                for (int i = k; i < g.Candidates; i++)
                    sum += Math.Exp(score(g, i) - max);
                total += max + Math.Log(sum) - score(g, k);
                for (int i = k; i < g.Candidates; i++)
                    gradient[b][i] += ((Math.Exp(score(g, i) - max) / sum) - (i == k ? 1 : 0)) * slope(g, i) / batch.Length;
            }
        }

        return (total / batch.Length, gradient);
    }

    private static (double, double[][]) ProTemperature(Group[] batch)
    {
        double[][] gradient = Zeros(batch);
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            for (int k = 0; k < g.Candidates - 1; k++)
            {
                double Inverse(int i) => g.Scores[k] - g.Scores[i == k ? g.Candidates - 1 : i];
                double max = double.NegativeInfinity, sum = 0;
                for (int i = k; i < g.Candidates; i++)
                    max = Math.Max(max, g.Mean(i) * Inverse(i));
                for (int i = k; i < g.Candidates; i++)
                    sum += Math.Exp((g.Mean(i) * Inverse(i)) - max);
                total += max + Math.Log(sum) - (g.Mean(k) * Inverse(k));
                for (int i = k; i < g.Candidates; i++)
                    gradient[b][i] += ((Math.Exp((g.Mean(i) * Inverse(i)) - max) / sum) - (i == k ? 1 : 0))
                        * Inverse(i) / g.Lengths[i] / batch.Length;
            }
        }

        return (total / batch.Length, gradient);
    }

    private static (double, double[][]) Lipo(Group[] batch)
    {
        double[][] gradient = Zeros(batch);
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            Group g = batch[b];
            double[] discount = new double[g.Candidates];
            for (int i = 0; i < g.Candidates; i++)
            {
                int rank = 1;
                for (int j = 0; j < g.Candidates; j++)
                    rank += g.Ratio(j) > g.Ratio(i) || (g.Ratio(j) == g.Ratio(i) && j < i) ? 1 : 0;
                discount[i] = 1 / Math.Log(1 + rank);
            }

            for (int i = 0; i < g.Candidates; i++)
            {
                for (int j = i + 1; j < g.Candidates; j++)
                {
                    double weight = Math.Abs(Math.Pow(2, g.Scores[i]) - Math.Pow(2, g.Scores[j]))
                        * Math.Abs(discount[i] - discount[j]) / batch.Length;
                    (double loss, double slope) = Logistic(g.Ratio(i) - g.Ratio(j), 0.1, 0);
                    total += weight * loss;
                    gradient[b][i] += weight * slope;
                    gradient[b][j] -= weight * slope;
                }
            }
        }

        return (total, gradient);
    }

    private static (double, double[][]) Scale((double Value, double[][] Gradient) result, double factor)
    {
        foreach (double[] row in result.Gradient)
        {
            for (int k = 0; k < row.Length; k++)
                row[k] *= factor;
        }

        return (result.Value * factor, result.Gradient);
    }

    /// <summary>Adds a weighted likelihood term of one response per group.</summary>
    private static (double, double[][]) Add(
        (double Value, double[][] Gradient) result, Group[] batch, Func<Group, int> response, double weight, Func<Group, int, double> value,
            Func<Group, int, double> slope)
    {
        double total = 0;
        for (int b = 0; b < batch.Length; b++)
        {
            int k = response(batch[b]);
            total -= value(batch[b], k);
            result.Gradient[b][k] -= weight * slope(batch[b], k) / batch.Length;
        }

        return (result.Value + (weight * total / batch.Length), result.Gradient);
    }

    private static double[][] Zeros(Group[] batch)
    {
        var gradient = new double[batch.Length][];
        for (int b = 0; b < batch.Length; b++)
            gradient[b] = new double[batch[b].LogProbs.Length];
        return gradient;
    }
}
