using static Tuna.Benchmarks.Losses.PlainTerms;

namespace Tuna.Benchmarks.Losses;

/// <summary>The same losses as one writes them first: LINQ queries, nothing reused.</summary>
internal static class LinqLosses
{
    public static IReadOnlyDictionary<string, PlainLoss> All { get; } = new Dictionary<string, PlainLoss>
    {
        ["Margin"] = b => Sum(b, Weighted(b, PairSum(b, (g, k) => g.Mean(k), PerToken, (h, j, k) => Hinge(h, 1, 0.1 * (k - j)))),
            Likelihood(b, g => g.Candidates, 1, (g, k) => g.Mean(k), PerToken)),
        ["MarginReleased"] = MarginReleased,
        ["MLE"] = b => Likelihood(b, g => g.Candidates, 1, (g, k) => g.Mean(k), PerToken),
        ["RRHF"] = b => Sum(b, Weighted(b, PairSum(b, (g, k) => g.Mean(k), PerToken, (h, _, _) => Hinge(h, 1, 0))),
            Likelihood(b, _ => 0, 1, (g, k) => g.LogProbs[k], One)),
        ["SLiC-HF"] = b => Sum(b, PairMean(b, (g, k) => g.LogProbs[k], One, h => Hinge(h, 1, 1)),
            Likelihood(b, g => g.Candidates, 0.1, (g, k) => g.LogProbs[k], One)),
        ["DPO"] = b => PairMean(b, (g, k) => g.Ratio(k), One, h => Logistic(h, 0.1, 0)),
        ["IPO"] = b => PairMean(b, (g, k) => g.Ratio(k), One, h => Square(h, 5)),
        ["RSO"] = b => PairMean(b, (g, k) => g.Ratio(k), One, h => Hinge(h, 0.05, 1)),
        ["SimPO"] = b => PairMean(b, (g, k) => g.Mean(k), PerToken, h => Logistic(h, 2, 1)),
        ["ORPO"] = b => Sum(b, PairMean(b, LogOdds, (g, k) => 0.1 * LogOddsSlope(g, k), h => Logistic(h, 1, 0), 0.1),
            Likelihood(b, _ => 0, 1, (g, k) => g.Mean(k), PerToken)),
        ["Bradley-Terry"] = b => PairMean(b, (g, k) => g.LogProbs[k], One, h => Logistic(h, 1, 0)),
        ["ListMLE"] = b => Listwise(b, (g, _, i) => g.Mean(i), (g, _, i) => PerToken(g, i)),
        ["ListMLE-ratio"] = b => Listwise(b, (g, _, i) => 0.1 * g.Ratio(i), (_, _, _) => 0.1),
        ["PRO"] = b => Sum(b, Listwise(b, (g, _, i) => g.Mean(i), (g, _, i) => PerToken(g, i)),
            Likelihood(b, _ => 0, 0.05, (g, k) => g.Mean(k), PerToken)),
        ["PRO-temperature"] = b =>
            Sum(b, Listwise(b, (g, k, i) => g.Mean(i) * Inverse(g, k, i), (g, k, i) => PerToken(g, i) * Inverse(g, k, i)),
            Likelihood(b, _ => 0, 0.05, (g, k) => g.Mean(k), PerToken)),
        ["LiPO"] = Lipo,
        ["RLOO"] = RewardLosses.RlooLinq,
        ["GSPO"] = RewardLosses.GspoLinq,
    };

    private static double One(Group g, int k) => 1;

    private static double PerToken(Group g, int k) => 1.0 / g.Lengths[k];

    private static double Inverse(Group g, int k, int i) => g.Scores[k] - (i == k ? g.Scores.Skip(k + 1).Min() : g.Scores[i]);

    private static IEnumerable<(int J, int K)> Pairs(Group g) =>
        from j in Enumerable.Range(0, g.Candidates) from k in Enumerable.Range(0, g.Candidates)
            where g.Scores[j] > g.Scores[k] select (j, k);

    /// <summary>Sum over the pairs of each group; the caller divides.</summary>
    private static (double[] Values, double[][] Gradient) PairSum(
        Group[] batch, Func<Group, int, double> value, Func<Group, int, double> slope,
            Func<double, int, int, (double Loss, double Slope)> term)
    {
        var groups = batch.Select(g =>
        {
            var pairs = Pairs(g).Select(p => (p.J, p.K, Term: term(value(g, p.J) - value(g, p.K), p.J, p.K))).ToList();
            ILookup<int, double> slopes = pairs.SelectMany(p => new[] { (Row: p.J, Slope: p.Term.Slope), (Row: p.K, Slope: -p.Term.Slope) })
                .ToLookup(x => x.Row, x => x.Slope);
            double[] gradient = [.. Enumerable.Range(0, g.LogProbs.Length)
                .Select(k => slopes[k].Any() ? slope(g, k) * slopes[k].Sum() : 0)];
            return (Value: pairs.Sum(p => p.Term.Loss), Gradient: gradient);
        }).ToList();
        return ([.. groups.Select(g => g.Value)], [.. groups.Select(g => g.Gradient)]);
    }

    private static (double, double[][]) Weighted(Group[] batch, (double[] Values, double[][] Gradient) sums) =>
        (sums.Values.Sum() / batch.Length, [.. sums.Gradient.Select(g => g.Select(x => x / batch.Length).ToArray())]);

    private static (double, double[][]) PairMean(Group[] batch, Func<Group, int, double> value, Func<Group, int, double> slope,
        Func<double, (double Loss, double Slope)> term, double factor = 1)
    {
        (double[] values, double[][] gradient) = PairSum(batch, value, slope, (h, _, _) => term(h));
        int[] pairs = [.. batch.Select(g => Pairs(g).Count())];
        return (factor * values.Zip(pairs, (v, n) => v / n).Average(),
            [.. gradient.Zip(pairs, (g, n) => g.Select(x => x / n / batch.Length).ToArray())]);
    }

    private static (double, double[][]) MarginReleased(Group[] batch)
    {
        var pairs = batch.SelectMany((g, b) => Pairs(g)
            .Select(p => (b, p.J, p.K, D: p.K - p.J, Hinge: g.Mean(p.K) - g.Mean(p.J) + (0.1 * (p.K - p.J))))).ToList();
        Dictionary<int, int> counts = pairs.GroupBy(p => p.D).ToDictionary(p => p.Key, p => p.Count());
        double rank = pairs.GroupBy(p => p.D).Sum(d => d.Average(p => Math.Max(0, p.Hinge)));
        double tokens = batch.Sum(g => g.Lengths.Take(g.Candidates).Sum());
        double nll = -batch.Sum(g => g.LogProbs.Take(g.Candidates).Sum());
        double[][] gradient = [.. batch.Select(g => new double[g.LogProbs.Length])];
        foreach ((int b, int j, int k, int d, _) in pairs.Where(p => p.Hinge > 0))
        {
            gradient[b][j] -= 1.0 / counts[d] / batch[b].Lengths[j];
            gradient[b][k] += 1.0 / counts[d] / batch[b].Lengths[k];
        }

        return (rank + (nll / tokens),
            [.. gradient.Select((g, b) => g.Select((x, k) => k < batch[b].Candidates ? x - (1 / tokens) : x).ToArray())]);
    }

    private static (double, double[][]) Listwise(Group[] batch, Func<Group, int, int, double> exponent, Func<Group, int, int, double> slope)
    {
        var groups = batch.Select(g =>
        {
            var steps = Enumerable.Range(0, g.Candidates - 1).Select(k =>
            {
                double[] e = [.. Enumerable.Range(k, g.Candidates - k).Select(i => exponent(g, k, i))];
                double logSum = e.Max() + Math.Log(e.Sum(x => Math.Exp(x - e.Max())));
                return (K: k, Loss: logSum - e[0], Probabilities: e.Select(x => Math.Exp(x - logSum)).ToArray());
            }).ToList();
            double[] gradient = [.. Enumerable.Range(0, g.LogProbs.Length).Select(i =>
                i == g.Candidates ? 0 : steps.Where(s => s.K <= i)
                    .Sum(s => (s.Probabilities[i - s.K] - (i == s.K ? 1 : 0)) * slope(g, s.K, i)) / batch.Length)];
            return (Value: steps.Sum(s => s.Loss), Gradient: gradient);
        }).ToList();
        return (groups.Average(g => g.Value), [.. groups.Select(g => g.Gradient)]);
    }

    private static (double, double[][]) Lipo(Group[] batch)
    {
        var groups = batch.Select(g =>
        {
            List<int> order = [.. Enumerable.Range(0, g.Candidates).OrderByDescending(g.Ratio)];
            double[] discount = [.. Enumerable.Range(0, g.Candidates).Select(i => 1 / Math.Log(2 + order.IndexOf(i)))];
            return PairSum([g], (x, k) => x.Ratio(k), One, (h, j, k) =>
            {
                double weight = Math.Abs(Math.Pow(2, g.Scores[j]) - Math.Pow(2, g.Scores[k]))
                    * Math.Abs(discount[j] - discount[k]) / batch.Length;
                (double loss, double slope) = Logistic(h, 0.1, 0);
                return (weight * loss, weight * slope);
            });
        }).ToList();
        return (groups.Sum(g => g.Values[0]), [.. groups.Select(g => g.Gradient[0])]);
    }

    private static (double, double[][]) Likelihood(Group[] batch, Func<Group, int> response, double weight, Func<Group, int, double> value,
        Func<Group, int, double> slope) =>
        (-weight * batch.Average(g => value(g, response(g))),
        [.. batch.Select(g => Enumerable.Range(0, g.LogProbs.Length)
            .Select(k => k == response(g) ? -weight * slope(g, k) / batch.Length : 0).ToArray())]);

    private static (double, double[][]) Sum(Group[] batch, (double Value, double[][] Gradient) a, (double Value, double[][] Gradient) b) =>
        (a.Value + b.Value, [.. a.Gradient.Zip(b.Gradient, (x, y) => x.Zip(y, (p, q) => p + q).ToArray())]);
}
