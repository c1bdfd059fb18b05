using Tuna.Training;

namespace Tuna.Core.Tests.Training;

public class LearningRateScheduleTests
{
    [Fact]
    public void Factor_Constant_IsOneAfterTheWarmup()
    {
        var schedule = LearningRateSchedule.Constant with { WarmupSteps = 3 };
        Assert.Equal([0.25, 0.5, 0.75, 1, 1], Enumerable.Range(1, 5).Select(s => schedule.Factor(s, 5)));
    }

    [Fact]
    public void Factor_Linear_FallsEvenlyToTheFloor()
    {
        // Two of six steps warm up; the other four start at 1 and fall by a quarter of 1 - 0.2 each.
        var schedule = LearningRateSchedule.Linear with { WarmupRatio = 0.25, MinimumFactor = 0.2 };
        double[] expected = [1.0 / 3, 2.0 / 3, 1, 0.8, 0.6, 0.4];
        for (int s = 1; s <= 6; s++)
            Assert.Equal(expected[s - 1], schedule.Factor(s, 6), 1e-12);
    }

    [Fact]
    public void Factor_Cosine_HasTheHandWorkedValues()
    {
        var schedule = LearningRateSchedule.Cosine;
        double[] expected = [1, (1 + Math.Sqrt(0.5)) / 2, 0.5, (1 - Math.Sqrt(0.5)) / 2];
        for (int s = 1; s <= 4; s++)
            Assert.Equal(expected[s - 1], schedule.Factor(s, 4), 1e-12);
    }

    [Fact]
    public void Factor_WarmupOfTheWholeRunOrLonger_NeverReachesThePeakOrZero()
    {
        foreach (LearningRateSchedule schedule in new LearningRateSchedule[] { LearningRateSchedule.Cosine with { WarmupSteps = 50 },
            LearningRateSchedule.Linear with { WarmupRatio = 1 } })
            Assert.All(Enumerable.Range(1, 5), s => Assert.Equal(s / 6.0, schedule.Factor(s, 5), 1e-12));
    }

    [Fact]
    public void Factor_AnySchedule_StaysInZeroToOne()
    {
        foreach (double warmup in new[] { 0, 0.03, 0.5, 1 })
        {
            foreach (LearningRateSchedule schedule in new LearningRateSchedule[] { LearningRateSchedule.Constant
                with { WarmupRatio = warmup }, LearningRateSchedule.Linear with { WarmupRatio = warmup },
                LearningRateSchedule.Cosine with { WarmupRatio = warmup } })
            {
                for (int total = 1; total < 20; total++)
                    Assert.All(Enumerable.Range(1, total), s => Assert.InRange(schedule.Factor(s, total), 1e-9, 1));
            }
        }
    }

    [Fact]
    public void Factor_StepOutsideTheRun_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRateSchedule.Cosine.Factor(0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRateSchedule.Cosine.Factor(4, 3));
    }
}
