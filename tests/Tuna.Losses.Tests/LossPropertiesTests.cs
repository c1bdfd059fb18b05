using FsCheck;
using FsCheck.Fluent;
using Tuna.Numerics;

namespace Tuna.Losses.Tests;

/// <summary>Properties over generated batches: ragged, tied, of one to seven candidates, each with a reference response.</summary>
public class LossPropertiesTests
{
    /// <summary>The same few operations in another order.</summary>
    private const double Rounding = 1e-11;

    private static readonly Config Repeatable = Config.QuickThrowOnFailure.WithReplay(20231013UL, 13385UL);

    public static TheoryData<string> Names => LossCase.Names;

    public static TheoryData<string> ShiftInvariant => [.. LossCase.All.Where(c => c.Shift != Shift.None).Select(c => c.Name)];

    public static TheoryData<string> Penalties => [.. LossCase.All.Where(c => c.IsPenalty).Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Penalties))]
    public void Evaluate_LogProbabilities_LossIsNotNegative(string name) =>
        ForAll(batch => batch.Evaluate(LossCase.Get(name).Loss).Value >= 0);

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_GroupsInAnotherOrder_SameLossAndPermutedGradient(string name) => ForAll(batch =>
    {
        IRankingLoss loss = LossCase.Get(name).Loss;
        (double value, double[] gradient) = batch.Evaluate(loss);
        (double reversed, double[] reversedGradient) = new TestBatch([.. batch.Groups.Reverse()]).Evaluate(loss);
        double[] back = [.. Slices(reversedGradient, batch.Groups.Reverse()).Reverse().SelectMany(x => x)];
        return Close(value, reversed) && gradient.Zip(back).All(p => Close(p.First, p.Second));
    });

    [Theory]
    [MemberData(nameof(Names))]
    public void Evaluate_BatchTwice_SameLossAndHalfTheGradient(string name) => ForAll(batch =>
    {
        IRankingLoss loss = LossCase.Get(name).Loss;
        (double value, double[] gradient) = batch.Evaluate(loss);
        (double twice, double[] halves) = new TestBatch([.. batch.Groups, .. batch.Groups]).Evaluate(loss);
        return Close(value, twice) && gradient.Concat(gradient).Zip(halves).All(p => Close(p.First, 2 * p.Second));
    });

    /// <summary>Losses that only compare see no difference when all candidates of a group move together, and their gradient sums to zero
    /// along that direction.</summary>
    [Theory]
    [MemberData(nameof(ShiftInvariant))]
    public void Evaluate_ShiftedGroup_SameLossAndGradientSumsToZero(string name) => ForAll(batch =>
    {
        LossCase c = LossCase.Get(name);
        TestBatch shifted = new([.. batch.Groups.Select((g, b) => g with
        {
            LogProbs = [.. g.LogProbs.Select((x, k) => x + ((b + 0.75) * Direction(c, g, k)))],
        })]);
        (double value, double[] gradient) = batch.Evaluate(c.Loss);
        bool sumsToZero = Slices(gradient, batch.Groups).Zip(batch.Groups).All(p =>
            Math.Abs(p.First.Take(p.Second.Candidates).Select((x, k) => x * Direction(c, p.Second, k)).Sum()) <= Rounding
                * (1 + p.First.Sum(Math.Abs) * 60));
        return Close(value, shifted.Evaluate(c.Loss).Value) && sumsToZero;
    });

    [Fact]
    public void Evaluate_CandidatesInAnotherOrder_LossesThatReadScoresDoNotChange() => ForAll(batch =>
    {
        // Strict scores: with ties the first of the best, and the order of equal values, would matter.
        TestGroup[] groups = [.. batch.Groups.Select(g => g
            with { Scores = TestGroup.Descending(g.Candidates).Select(s => s / 8).ToArray() })];
        TestGroup[] reversed = [.. groups.Select(g => new TestGroup(
            Reverse(g.LogProbs, g.Candidates), Reverse(g.Lengths, g.Candidates), [.. g.Scores.Reverse()],
                Reverse(g.ReferencePolicy, g.Candidates), g.HasReference) { OldPolicy = [.. g.OldPolicy!.Reverse()] })];
        return new IRankingLoss[] { new RrhfLoss(), new LipoLambdaLoss(), new RlooLoss(0.1), new GspoLoss(0.1, 0.1, 0.1) }.All(loss =>
            Close(new TestBatch(groups).Evaluate(loss).Value, new TestBatch(reversed).Evaluate(loss).Value));
    });

    [Fact]
    public void Evaluate_SingleGroups_PaperLossIsTheirMean() => ForAll(batch =>
    {
        var loss = new MarginRankingLoss();
        return Close(batch.Groups.Average(g => new TestBatch(g).Evaluate(loss).Value), batch.Evaluate(loss).Value);
    });

    private static double Direction(LossCase c, TestGroup group, int k) => c.Shift == Shift.Mean ? group.Lengths[k] : 1;

    private static IEnumerable<double[]> Slices(double[] rows, IEnumerable<TestGroup> groups)
    {
        int first = 0;
        foreach (TestGroup g in groups)
        {
            yield return rows[first..(first + g.LogProbs.Length)];
            first += g.LogProbs.Length;
        }
    }

    private static T[] Reverse<T>(T[] rows, int candidates) => [.. rows.Take(candidates).Reverse(), .. rows.Skip(candidates)];

    private static bool Close(double a, double b) => Math.Abs(a - b) <= Rounding * Math.Max(1, Math.Abs(a));

    private static void ForAll(Func<TestBatch, bool> property)
    {
        Gen<TestGroup> one =
            from candidates in Gen.Choose(1, 7)
            from ties in Gen.Elements(true, false)
            from seed in Gen.Choose(0, int.MaxValue)
            select TestBatches.Group(new Rng((ulong)seed), candidates, ties);
        Gen<TestBatch> batch =
            from size in Gen.Choose(1, 5)
            from groups in one.ListOf(size)
            select new TestBatch([.. groups]);
        Prop.ForAll(batch.ToArbitrary(), property).Check(Repeatable);
    }
}
