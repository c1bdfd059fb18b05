namespace Tuna.Losses.Tests;

public class MarginRankingLossTests
{
    internal static double Paper(IReadOnlyList<TestGroup> groups, double margin, double lambda) => groups.Average(g =>
    {
        IEnumerable<double> hinges =
            from j in Enumerable.Range(0, g.Candidates)
            from k in Enumerable.Range(0, g.Candidates)
            where j < k && g.Scores[j] != g.Scores[k]
            select Math.Max(0, g.Mean(k) - g.Mean(j) + (margin * (k - j)));
        return hinges.Sum() + (lambda * -g.Mean(g.Candidates));
    });

    internal static double Released(IReadOnlyList<TestGroup> groups, double margin, double lambda)
    {
        IEnumerable<double> At(int d) =>
            from g in groups
            from j in Enumerable.Range(0, Math.Max(0, g.Candidates - d))
            select Math.Max(0, g.Mean(j + d) - g.Mean(j) + (margin * d));
        double rank = Enumerable.Range(1, groups.Max(g => g.Candidates)).Sum(d => At(d).DefaultIfEmpty(0).Average());
        double mle = -groups.Sum(g => g.LogProbs.Take(g.Candidates).Sum()) / groups.Sum(g => g.Lengths.Take(g.Candidates).Sum());
        return rank + (lambda * mle);
    }

    // Means -1, -0.5, -2; margin 0.25: pair (0, 1) 0.5 + 0.25, pair (0, 2) -1 + 0.5 < 0, pair (1, 2) -1.5 + 0.25 < 0. Reference mean -3.
    private static readonly TestGroup Worked = new([-2, -2, -2, -6], [2, 4, 1, 2], [3, 2, 1], [], HasReference: true);

    [Fact]
    public void EvaluateTerms_PaperReduction_WorkedCase()
    {
        double[] gradient = new double[4];

        MarginRankingTerms terms = new MarginRankingLoss(0.25, 2).EvaluateTerms(new TestBatch(Worked).View(), gradient);

        Assert.Equal(new MarginRankingTerms(Rank: 0.75, Likelihood: 3, Loss: 6.75, Pairs: 3, ActivePairs: 1), terms);
        Assert.Equal([-0.5, 0.25, 0.0, -1.0], gradient);
    }

    [Fact]
    public void EvaluateTerms_ReleasedReduction_WorkedCase()
    {
        double[] gradient = new double[4];

        MarginRankingTerms terms = new MarginRankingLoss(0.25, 7, MarginReduction.Released)
            .EvaluateTerms(new TestBatch(Worked).View(), gradient);

        // Distance 1: mean of 0.75 and 0; distance 2: 0. All candidates: 6 nats over 7 tokens.
        Near.Equal(0.375, terms.Rank, 1e-15, "rank");
        Near.Equal(6.0 / 7, terms.Likelihood, 1e-15, "likelihood");
        Near.Equal(6.375, terms.Loss, 1e-15, "loss");
        Assert.Equal((3, 1), (terms.Pairs, terms.ActivePairs));
        Near.Equal([(-0.5 / 2) - 1, (0.5 / 4) - 1, -1, 0], gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_TiedScores_AreSkippedByThePaperReductionAlone()
    {
        var batch = new TestBatch(new TestGroup([-2, -1], [1, 1], [5, 5], []));

        Assert.Equal(0, batch.Evaluate(new MarginRankingLoss(0.1, 0)).Value);
        Near.Equal(1.1, batch.Evaluate(new MarginRankingLoss(0.1, 0, MarginReduction.Released)).Value, 1e-15, "released");
    }

    [Fact]
    public void Evaluate_TieBetweenOthers_KeepsTheRankDistance()
    {
        // Scores 3, 2, 2: pairs (0, 1) at distance 1 and (0, 2) at distance 2; equal means leave the margins 0.1 + 0.2.
        var batch = new TestBatch(new TestGroup([-1, -1, -1], [1, 1, 1], [3, 2, 2], []));

        Near.Equal(0.3, batch.Evaluate(new MarginRankingLoss(0.1, 0)).Value, 1e-15, "value");
    }

    [Fact]
    public void Evaluate_SatisfiedPairs_HaveExactlyZeroGradient()
    {
        var batch = new TestBatch(new TestGroup([-1, -2, -3, -1], [1, 1, 1, 1], [3, 2, 1], [], HasReference: true));

        Assert.Equal([0.0, 0.0, 0.0, -1.0], batch.Evaluate(new MarginRankingLoss()).Gradient);
    }

    [Fact]
    public void Evaluate_MissingLikelihoodTarget_SaysWhatToDo()
    {
        var bare = new TestBatch(Worked, new TestGroup([-1, -2], [1, 1], [2, 1], []));
        var empty = new TestBatch(new TestGroup([-1], [1], [], [], HasReference: true));

        string paper = Assert.Throws<ArgumentException>(() => bare.Evaluate(new MarginRankingLoss())).Message;
        string released = Assert.Throws<ArgumentException>(() =>
            empty.Evaluate(new MarginRankingLoss(reduction: MarginReduction.Released))).Message;

        Assert.Contains("Group 1", paper, StringComparison.Ordinal);
        Assert.Contains("set its weight to 0", paper, StringComparison.Ordinal);
        Assert.Contains("no candidate", released, StringComparison.Ordinal);
        Assert.Equal(1, empty.Evaluate(new MarginRankingLoss()).Value); // without candidates it is instruction tuning
        Assert.Equal(0, empty.Evaluate(new MarginRankingLoss(0.1, 0, MarginReduction.Released)).Value);
    }

    [Theory]
    [InlineData(-0.1, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(0.1, -1)]
    [InlineData(0.1, double.PositiveInfinity)]
    public void Constructor_SettingOutOfRange_Throws(double margin, double lambda) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MarginRankingLoss(margin, lambda));
}
