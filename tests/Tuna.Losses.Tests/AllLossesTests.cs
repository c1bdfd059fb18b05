namespace Tuna.Losses.Tests;

/// <summary>What holds for every loss.</summary>
public class AllLossesTests
{
    public static TheoryData<string> Names => LossCase.Names;

    public static TheoryData<string> Integrals => [.. LossCase.All.Where(c => c.HasIntegral).Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_RandomRaggedBatches_EqualsThePlainFormula(string name)
    {
        LossCase c = LossCase.Get(name);
        for (ulong seed = 0; seed < 30; seed++)
        {
            TestBatch batch = TestBatches.Random(seed, groups: 1 + (int)(seed % 5), maxCandidates: 9, ties: seed % 3 == 0);
            Near.Equal(c.Reference(batch.Groups), batch.Evaluate(c.Loss).Value, Near.Golden, $"{name}, seed {seed}");
        }
    }

    /// <summary>Central differences with a step of 1e-5 nats carry an error near 1e-10 x curvature plus 1e-11 of rounding; random inputs
    /// keep away from kinks and rank swaps.</summary>
    [Theory]
    [MemberData(nameof(Integrals))]
    public void Evaluate_Gradient_EqualsCentralDifferences(string name)
    {
        const double Step = 1e-5;
        LossCase c = LossCase.Get(name);
        double largest = 0;
        for (ulong seed = 100; seed < 110; seed++)
        {
            TestBatch batch = TestBatches.Random(seed, groups: 3, maxCandidates: 6, ties: seed % 3 == 0);
            double[] gradient = batch.Evaluate(c.Loss).Gradient;
            double[] unused = new double[batch.Rows];
            for (int r = 0; r < batch.Rows; r++)
            {
                double[] moved = [.. batch.Values];
                moved[r] = batch.Values[r] + Step;
                double above = c.Loss.Evaluate(batch.View(moved), unused);
                moved[r] = batch.Values[r] - Step;
                double below = c.Loss.Evaluate(batch.View(moved), unused);
                Near.Equal((above - below) / (2 * Step), gradient[r], 1e-7, $"{name}, seed {seed}, row {r}");
                largest = Math.Max(largest, Math.Abs(gradient[r]));
            }
        }

        Assert.True(largest > 0.01, "the gradients are all but zero, so the comparison says nothing");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_AfterTheFirstCall_AllocatesNothing(string name)
    {
        IRankingLoss loss = LossCase.Get(name).Loss;
        TestBatch batch = TestBatches.Random(5, groups: 4, maxCandidates: 8);
        double[] gradient = new double[batch.Rows];
        loss.Evaluate(batch.View(), gradient);

        long before = GC.GetAllocatedBytesForCurrentThread();
        loss.Evaluate(batch.View(), gradient);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_NaNLogProb_ReachesTheLoss(string name)
    {
        IRankingLoss loss = LossCase.Get(name).Loss;
        TestBatch batch = TestBatches.Random(6, groups: 2, maxCandidates: 5);
        double[] broken = [.. batch.Values.Select(_ => double.NaN)];

        Assert.True(double.IsNaN(loss.Evaluate(batch.View(broken), new double[batch.Rows])));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_HugeLogProbs_StaysFinite(string name)
    {
        IRankingLoss loss = LossCase.Get(name).Loss;
        var batch = new TestBatch(
            new TestGroup([-1e6, -1e-9, -3e5, 0], [1, 1000, 3, 2], [1, 0.5, 0], [-1, -5e5, -2, -1], HasReference: true));

        (double value, double[] gradient) = batch.Evaluate(loss);

        Assert.True(double.IsFinite(value));
        Assert.All(gradient, g => Assert.True(double.IsFinite(g)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_OneCandidate_HasNoRankingTerm(string name)
    {
        LossCase c = LossCase.Get(name);
        TestBatch batch = TestBatches.Random(7, groups: 3, maxCandidates: 1);

        (double value, double[] gradient) = batch.Evaluate(c.Loss);

        Near.Equal(c.Reference(batch.Groups), value, Near.Golden, name);
        if (c.Shift != Shift.None)
            Assert.All(gradient, g => Assert.Equal(0, g));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_MissingReferencePolicy_ThrowsWhereItIsNeeded(string name)
    {
        IRankingLoss loss = LossCase.Get(name).Loss;
        TestBatch complete = TestBatches.Random(8, groups: 2, maxCandidates: 4);
        TestBatch batch = new([.. complete.Groups.Select(g => g with { ReferencePolicy = [] })]);

        if (loss.Needs.ReferencePolicy)
            Assert.Contains("reference policy", Assert.Throws<ArgumentException>(() => batch.Evaluate(loss)).Message,
                StringComparison.Ordinal);
        else
            Assert.Equal(complete.Evaluate(loss).Value, batch.Evaluate(loss).Value);
    }
}
