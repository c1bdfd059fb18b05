using Tuna.Evaluation.Measures;
using Tuna.Evaluation.Statistics;

namespace Tuna.Evaluation.Tests.Measures;

public class RankerEvaluationTests
{
    [Fact]
    public void Add_WorkedRow_GivesTheSharesByHand()
    {
        var evaluation = new RankerEvaluation();
        // Lengths 1, 2, 3. Judge: 1 > 0 > 2. Ranker: 2 > 1 > 0, the very order of length.
        evaluation.Add(["a", "bb", "ccc"], [2, 3, 1], [0, 1, 2]);

        Assert.Equal(3, evaluation.Pairs);
        Assert.Equal(1 / 3.0, evaluation.PairwiseAccuracy, 12); // right on (1, 0) only
        Assert.Equal(1 / 3.0, evaluation.LengthBaselineAccuracy, 12);
        Assert.Equal(0, evaluation.TopAccuracy);
        Assert.Equal(-0.5, evaluation.Spearman, 12); // ranks 2 1 3 against 3 2 1: 1 - 6 (1 + 1 + 4) / 24
        Assert.Equal(1, evaluation.LengthBias, 12);
        Assert.Equal(-0.5, evaluation.JudgeLengthBias, 12);
        Assert.Equal(1, evaluation.PrefersLonger);
        Assert.Equal(1 / 3.0, evaluation.JudgePrefersLonger, 12);
    }

    [Fact]
    public void Add_TiesOfTheJudge_CountNowhere_AndTiesOfTheRankerHalf()
    {
        var evaluation = new RankerEvaluation();
        evaluation.Add(["a", "b", "cc"], [1, 1, 0], [5, 5, 5]);

        Assert.Equal(2, evaluation.Pairs);
        Assert.Equal(0.5, evaluation.PairwiseAccuracy);
        Assert.Equal(0, evaluation.LengthBaselineAccuracy);
        Assert.Equal(1, evaluation.TopAccuracy);
        Assert.True(double.IsNaN(evaluation.Spearman)); // a constant ranker has no correlation
    }

    [Fact]
    public void Add_TheJudgeItself_IsPerfect()
    {
        var evaluation = new RankerEvaluation();
        evaluation.Add(["aaaa", "b", "cc"], [1, 9, 4], [1, 9, 4]);
        evaluation.Add(["a", "bb"], [0, 1], [0, 1]);

        Assert.Equal(1, evaluation.PairwiseAccuracy);
        Assert.Equal(1, evaluation.TopAccuracy);
        Assert.Equal(1, evaluation.Spearman, 12);
        Assert.Equal(evaluation.JudgePrefersLonger, evaluation.PrefersLonger);
    }

    [Fact]
    public void LengthMatched_PairsOfLikeLength_AreCountedApart()
    {
        var evaluation = new RankerEvaluation();
        // Lengths 90, 100 and 89: the first two differ by a tenth of the longer, the last two by more, the outer two by a ninetieth.
        evaluation.Add([new('a', 90), new('b', 100), new('c', 89)], [3, 2, 1], [1, 2, 0]);

        Assert.Equal(3, evaluation.Pairs);
        Assert.Equal(2, evaluation.LengthMatchedPairs);
        Assert.Equal(0.5, evaluation.LengthMatchedAccuracy); // 0 over 2 is seen, 0 over 1 is not
        Assert.Equal(0.5, evaluation.LengthMatchedBaseline); // 100 over 90 is not the judge's order, 90 over 89 is
        Assert.Equal(2 / 3.0, evaluation.PairwiseAccuracy, 12);
    }

    [Fact]
    public void Intervals_OfARankerThatOnlyKnowsLength_HaveNoGainOverIt()
    {
        var evaluation = new RankerEvaluation();
        for (int i = 0; i < 40; i++)
            evaluation.Add(["a", "bb", "cccc"], [i % 2, 1 - (i % 2), i % 3], [1, 2, 4]);

        Assert.Equal(new BootstrapInterval(0, 0, 0, 0.95), evaluation.OverLengthInterval());
        BootstrapInterval accuracy = evaluation.AccuracyInterval()!.Value;
        Assert.Equal(evaluation.PairwiseAccuracy, accuracy.Mean, 12);
        Assert.InRange(accuracy.Mean, accuracy.Low + 1e-3, accuracy.High - 1e-3);
        Assert.Null(evaluation.LengthMatchedInterval());
        Assert.Null(new RankerEvaluation().AccuracyInterval());
    }

    [Fact]
    public void Add_UnequalCounts_Throws() => Assert.Throws<ArgumentException>(() => new RankerEvaluation().Add(["a"], [1], [1, 2]));
}
