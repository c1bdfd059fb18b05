using System.Globalization;

namespace Tuna.Losses.Tests;

public class LossDescriptionTests
{
    [Fact]
    public void Describe_EveryCase_IsOfItsOwn() =>
        Assert.Equal(LossCase.All.Count, LossCase.All.Select(c => c.Loss.Describe().ToString()).Distinct().Count());

    [Fact]
    public void Describe_NamesTheTypeAndEveryPublicSetting()
    {
        foreach (IRankingLoss loss in LossCase.All.Select(c => c.Loss))
        {
            LossDescription description = loss.Describe();
            Assert.Equal(loss.GetType().Name, description.Name);
            IEnumerable<string> settings = loss.GetType().GetProperties().Select(p => p.Name).Where(n => n != nameof(IRankingLoss.Needs));
            Assert.Subset(description.Settings.Select(s => s.Key).ToHashSet(), settings.ToHashSet());
        }
    }

    [Fact]
    public void ToString_AnyCulture_TellsNearNumbersApart()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = "," } };
            Assert.Equal("DpoLoss Beta=0.1 Pairs=AllPairs", new DpoLoss(0.1).Describe().ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        Assert.NotEqual(new DpoLoss(0.1).Describe().ToString(), new DpoLoss(Math.BitIncrement(0.1)).Describe().ToString());
        Assert.Throws<ArgumentException>(() => new LossDescription(" "));
    }

    [Fact]
    public void Needs_OfEveryCase_AreWhatEvaluateDemands()
    {
        // A lone candidate without a reference response, and a reference response without a candidate: refused exactly where the needs say
        // so.
        var lone = new TestBatch(new TestGroup([-1], [2], [1], [-1]));
        var bare = new TestBatch(new TestGroup([-1], [2], [], [-1], HasReference: true));
        foreach (LossCase c in LossCase.All)
        {
            Assert.True(Refuses(c.Loss, lone) == c.Loss.Needs.ReferenceResponse, $"{c.Name}: no reference response");
            Assert.True(Refuses(c.Loss, bare) == (c.Loss.Needs.LeastCandidates > 0), $"{c.Name}: no candidate");
        }

        var high = new TestBatch(new TestGroup([-1, -2], [2, 2], [1024, 1], [-1, -1]));
        Assert.True(Refuses(new LipoLambdaLoss(), high));
        Assert.Equal(1024, new LipoLambdaLoss().Needs.ScoresBelow);
        Assert.False(Refuses(new LipoLambdaLoss(), new TestBatch(new TestGroup([-1, -2], [2, 2], [1023, 1], [-1, -1]))));

        static bool Refuses(IRankingLoss loss, TestBatch batch)
        {
            try
            {
                batch.Evaluate(loss);
                return false;
            }
            catch (ArgumentException)
            {
                return true;
            }
        }
    }
}
