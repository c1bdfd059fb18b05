using FsCheck;
using FsCheck.Fluent;
using Tuna.Numerics;
using Tuna.Rankers.Aggregation;

namespace Tuna.Rankers.Tests.Aggregation;

public class AggregatorTests
{
    private static readonly Dictionary<string, IRankAggregator> ByName = new()
    {
        ["borda"] = new BordaAggregator(),
        ["copeland"] = new CopelandAggregator(),
        ["kemeny"] = new KemenyAggregator(),
        ["plackett-luce"] = new PlackettLuceAggregator(),
    };

    public static TheoryData<string> All => new("borda", "copeland", "kemeny", "plackett-luce");

    private static double?[] Ballot(params int[] order)
    {
        var scores = new double?[order.Length];
        for (int place = 0; place < order.Length; place++)
            scores[order[place]] = order.Length - place;
        return scores;
    }

    private static int[] Order(double[] scores) => [.. Enumerable.Range(0, scores.Length).OrderByDescending(k => scores[k])];

    [Theory]
    [MemberData(nameof(All))]
    public void Aggregate_Unanimous_GivesThatOrder(string name) =>
        Assert.Equal([2, 0, 3, 1], Order(ByName[name].Aggregate([Ballot(2, 0, 3, 1), Ballot(2, 0, 3, 1), Ballot(2, 0, 3, 1)])));

    // A judge that only looks at places: over a Latin square every candidate has every place once. Rounding must not make an order of it.
    [Theory]
    [InlineData("borda", 3)]
    [InlineData("borda", 4)]
    [InlineData("borda", 7)]
    [InlineData("copeland", 4)]
    [InlineData("plackett-luce", 4)]
    [InlineData("plackett-luce", 7)]
    public void Aggregate_BallotsThatCancelOut_GiveTies(string name, int candidates)
    {
        double?[][] ballots = [.. LatinSquare.Orders(candidates, seed: 3).Select(o => Ballot(o))];
        Assert.Single(ByName[name].Aggregate(ballots).Distinct());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Aggregate_ScalesDiffer_OnlyTheOrderCounts(string name)
    {
        double[] a = ByName[name].Aggregate([[1, 2, 3], [3, 1, 2]]);
        double[] b = ByName[name].Aggregate([[-100, 0.5, 14], [1e9, 1, 2]]);

        Assert.Equal(a, b);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Aggregate_BadBallots_AreRejected(string name)
    {
        Assert.Throws<ArgumentException>(() => ByName[name].Aggregate([]));
        Assert.Throws<ArgumentException>(() => ByName[name].Aggregate([[1, 2], [1]]));
        Assert.Throws<ArgumentException>(() => ByName[name].Aggregate([[1, double.NaN]]));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Aggregate_AnyBallots_AreNeutralAndFinite(string name) => Check.One(Config.QuickThrowOnFailure.WithMaxTest(40), Prop.ForAll(
        Gen.Choose(1, 6).SelectMany(n => Gen.Choose(0, 3).Select(x => x == 0 ? (double?)null : x).ArrayOf(n).NonEmptyListOf())
            .ToArbitrary(),
        ballots =>
        {
            if (ballots.Count > 7)
                return;
            double[] scores = ByName[name].Aggregate([.. ballots]);
            Assert.All(scores, s => Assert.True(double.IsFinite(s)));
            // Renaming the candidates renames the scores (Kemeny breaks ties by index, so it is left out).
            if (name == "kemeny")
                return;
            int[] permutation = [.. Enumerable.Range(0, scores.Length)];
            new Rng(7).Shuffle<int>(permutation);
            double[] renamed = ByName[name].Aggregate([.. ballots.Select(b => Array.ConvertAll(permutation, k => b[k]))]);
            for (int k = 0; k < scores.Length; k++)
                Assert.Equal(scores[permutation[k]], renamed[k], 1e-6);
        }));

    // Three voters 0>1>2, two voters 1>2>0: Borda by hand: 0 wins 6 of 10, 1 wins 2*2+3=7 of 10, 2 wins 2 of 10; but a majority places 0
    // above 1.
    [Fact]
    public void BordaAndCopeland_HandWorkedCase_Differ()
    {
        double?[][] ballots = [Ballot(0, 1, 2), Ballot(0, 1, 2), Ballot(0, 1, 2), Ballot(1, 2, 0), Ballot(1, 2, 0)];

        double[] borda = new BordaAggregator().Aggregate(ballots);
        Assert.Equal([0.6, 0.7, 0.2], borda.Select(s => Math.Round(s, 12)));
        Assert.Equal([2, 1, 0], new CopelandAggregator().Aggregate(ballots));
        Assert.Equal([3, 2, 1], new KemenyAggregator().Aggregate(ballots));
    }

    // Candidate 0: beats 1 of 1, then 2 of 2, absent: 1. Candidate 1: 0, 0, 0.5: 1/6. Candidate 2: absent, beats 1 of 2, ties 1 of 1: 0.5.
    [Fact]
    public void Borda_MissingCandidate_CountsOnlyWhereItIs()
    {
        double[] scores = new BordaAggregator().Aggregate([[2, 1, null], [3, 1, 2], [null, 1, 1]]);

        Assert.Equal(1, scores[0], 1e-12);
        Assert.Equal(1.0 / 6, scores[1], 1e-12);
        Assert.Equal(0.5, scores[2], 1e-12);
    }

    [Fact]
    public void Kemeny_AnyBallots_IsTheBestOfAllOrders() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(30), Prop.ForAll(
        Gen.Shuffle(Enumerable.Range(0, 5).ToArray()).ArrayOf(4).ToArbitrary(),
        orders =>
        {
            double?[][] ballots = [.. orders.Select(o => Ballot(o))];
            double best = Permutations([0, 1, 2, 3, 4]).Min(o => Disagreements(o, ballots));
            Assert.Equal(best, Disagreements(Order(new KemenyAggregator().Aggregate(ballots)), ballots));
        }));

    [Fact]
    public void Kemeny_TooMany_SaysSo() =>
        Assert.Contains("at most", Assert.Throws<ArgumentException>(() => new KemenyAggregator().Aggregate([new double?[13]])).Message,
            StringComparison.Ordinal);

    // Two candidates, 3 wins to 1, prior e: the fitted strengths satisfy the stationarity of the penalized likelihood; checked against its
    // numeric maximum.
    [Fact]
    public void PlackettLuce_TwoCandidates_MatchesTheNumericMaximum()
    {
        double[] scores = new PlackettLuceAggregator(0.1).Aggregate([Ballot(0, 1), Ballot(0, 1), Ballot(0, 1), Ballot(1, 0)]);

        double best = double.NegativeInfinity, at = 0;
        for (double d = -1; d < 3; d += 0.0005)
        {
            // By symmetry of the prior the two log-strengths are found one by one on a grid around +-d/2 shifted by s.
            for (double s = -0.3; s <= 0.3; s += 0.02)
            {
                double value = LogPosterior(Math.Exp(s + (d / 2)), Math.Exp(s - (d / 2)));
                if (value > best)
                    (best, at) = (value, d);
            }
        }

        Assert.Equal(at, scores[0] - scores[1], 0.01); // the grid's resolution

        static double LogPosterior(double a, double b) =>
            (3 * Math.Log(a / (a + b))) + Math.Log(b / (a + b)) + (0.1 * (Math.Log(a) + Math.Log(b)))
                - (0.2 * (Math.Log(a + 1) + Math.Log(b + 1)));
    }

    [Fact]
    public void PlackettLuce_RecoversKnownStrengths()
    {
        // 4,000 draws from a model with log-strengths 1, 0.3, -0.3, -1: the standard error of a difference is about 0.04.
        double[] truth = [1, 0.3, -0.3, -1];
        var rng = new Rng(3);
        var ballots = new List<double?[]>();
        for (int i = 0; i < 4000; i++)
        {
            // Gumbel noise gives Plackett-Luce orders
            double[] noise = Array.ConvertAll(truth, t => t - Math.Log(-Math.Log(1 - rng.NextDouble())));
            ballots.Add([.. noise.Select(x => (double?)x)]);
        }

        double[] scores = new PlackettLuceAggregator().Aggregate(ballots);

        for (int k = 0; k < 4; k++)
            Assert.Equal(truth[k], scores[k], 0.12);
    }

    private static double Disagreements(int[] order, double?[][] ballots)
    {
        double sum = 0;
        for (int i = 0; i < order.Length; i++)
        {
            for (int j = i + 1; j < order.Length; j++)
                sum += ballots.Count(b => b[order[j]] > b[order[i]]);
        }

        return sum;
    }

    private static IEnumerable<int[]> Permutations(int[] items) =>
        items.Length <= 1 ? [items]
            : items.SelectMany(first => Permutations([.. items.Where(x => x != first)]).Select(rest => (int[])[first, .. rest]));
}
