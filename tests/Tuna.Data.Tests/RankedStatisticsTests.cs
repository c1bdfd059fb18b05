using Tuna.Data;

namespace Tuna.Data.Tests;

public class RankedStatisticsTests
{
    private static readonly RankedExample[] Rows =
    [
        new() { Id = "1", Instruction = "Ask.", Outputs = ["aaaa", "bb", "c"], Scores = [3, 1, 1], Models = ["x", "y", "z"],
            Reference = "r" },
        new() { Id = "2", Instruction = "ask", Outputs = ["dddd", "ee", "ee", " "], Scores = [1, 2, null, 0],
            Models = ["x", "y", null, "z"] },
        new() { Id = "3", Instruction = "other", Outputs = ["f"] },
    ];

    [Fact]
    public void Of_HandWorkedRows_CountsEverything()
    {
        RankedStatistics s = RankedStatistics.Of(Rows);
        Assert.Equal((3, 2, 1), (s.Rows, s.RankedRows, s.References));
        Assert.Equal((8, 2, 1, 1), (s.Candidates, s.MissingScores, s.EmptyCandidates, s.RepeatedCandidates));
        Assert.Equal((1, 6, 1), (s.RepeatedInstructions, s.Pairs, s.TiedPairs));
        Assert.Equal([(1, 1), (3, 1), (4, 1)], s.CandidateCounts.Select(c => (c.Key, (int)c.Value)));
        Assert.Equal([3, 3, 1], s.MeanLengthByRank); // (4 + 2) / 2, (2 + 4) / 2, (1 + 1) / 2
        Assert.Equal([2, 0, 1, 1], s.MarginSample);
        Assert.Equal([2, 2], s.SpreadSample);
        Assert.Equal(0.5, s.LongestIsBest); // "aaaa" is, "dddd" is not
        // Row 1: pairs a>b, a>c agree, b=c tied in score: 2 / sqrt(2 * 3). Row 2: e>d disagrees, d>" " and e>" " agree: 1 / 3.
        Assert.Equal(((2 / Math.Sqrt(6)) + (1.0 / 3)) / 2, s.LengthCorrelation, 12);
        Assert.Equal(new ModelStatistics(2, 2, 2, 1.5, 0.5, 4), s.Models["x"]);
        Assert.Equal(new ModelStatistics(2, 2, 1.5, (2.5 + 1) / 2, 0.5, 2), s.Models["y"]);
    }

    [Fact]
    public void Of_ManyScores_SamplesTheSameInEveryRun()
    {
        IEnumerable<RankedExample> Many() => Enumerable.Range(0, 30_000).Select(i => new RankedExample
        {
            Id = "",
            Instruction = "",
            Outputs = ["a"],
            Scores = [i],
        });
        IReadOnlyList<double> sample = RankedStatistics.Of(Many()).ScoreSample;
        Assert.Equal(RankedStatistics.SampleSize, sample.Count);
        Assert.InRange(sample.Average(), 14_500, 15_500);
        Assert.Equal(sample, RankedStatistics.Of(Many()).ScoreSample);
    }
}
