using Tuna.Data;
using Tuna.Ranking;

namespace Tuna.Data.Tests;

public class RankedRowsTests
{
    private static readonly RankedExample Row = new()
    {
        Id = "r", Instruction = "i", Input = "in", Outputs = ["a", "b", "c", "d"], Scores = [1, 4, null, 2],
            Models = ["m0", "m1", "m2", "m3"], TokenCounts = [1, 2, 3, null], Reference = "ref",
    };

    [Fact]
    public void Order_MissingScoresAndTies_IsStableBestFirst() =>
        Assert.Equal([1, 2, 3, 0], (Row with { Scores = [1, 4, 4, 2] }).Order().Concat(Row.Order()).Take(4));

    [Fact]
    public void Keep_SomeCandidates_TakesAllTheirFields()
    {
        RankedExample kept = Row.Keep([3, 1]);
        Assert.Equal(["d", "b"], kept.Outputs);
        Assert.Equal([2, 4], kept.Scores);
        Assert.Equal(["m3", "m1"], kept.Models);
        Assert.Equal([null, 2], kept.TokenCounts);
        Assert.Empty(kept.LogProbs);
    }

    [Theory]
    [InlineData(1, "b")]
    [InlineData(2, "ab")]
    [InlineData(3, "abd")]
    [InlineData(4, "abcd")]
    public void Limit_FewerCandidates_KeepsBestAndWorst(int most, string kept) =>
        Assert.Equal(kept, string.Concat(Row.Limit(most).Outputs));

    [Fact]
    public void Limit_Unranked_KeepsTheFirst() => Assert.Equal(["a", "b"], (Row with { Scores = [] }).Limit(2).Outputs);

    [Fact]
    public void Tie_NearScores_BecomeEqual()
    {
        RankedExample row = Row with { Scores = [1.0, 1.3, 1.8, 0.95] };
        Assert.Equal([1.3, 1.3, 1.8, 1.3], row.Tie(0.4).Scores); // 0.95 is 0.35 below 1.3
        Assert.Equal(row.Scores, row.Tie(0).Scores);
    }

    [Fact]
    public void Instructions_AllOrBest_AreTuningRows()
    {
        Assert.Equal(["r/0:a", "r/1:b", "r/2:c", "r/3:d"], Row.Instructions().Select(e => $"{e.Id}:{e.Output}"));
        InstructionExample best = Assert.Single(Row.Instructions(bestOnly: true));
        Assert.Equal(("r", "b", "in"), (best.Id, best.Output, best.Input));
        Assert.Empty((Row with { Scores = [] }).Instructions(bestOnly: true));
    }

    /// <summary>Alpaca rows, converted to instructions, all vanished: they have a response and no scores.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Instructions_RowWithOneResponse_IsNotLost(bool bestOnly)
    {
        Assert.Equal("a", Assert.Single((Row with { Outputs = ["a"], Scores = [] }).Instructions(bestOnly)).Output);
        InstructionExample reference = Assert.Single((Row with { Outputs = [], Scores = [] }).Instructions(bestOnly));
        Assert.Equal(("r", "ref"), (reference.Id, reference.Output));
        Assert.Empty((Row with { Outputs = [], Scores = [], Reference = null }).Instructions(bestOnly));
    }

    [Fact]
    public void ToRankingRequest_AndWithRanking_AreInverse()
    {
        RankingRequest request = Row.ToRankingRequest();
        Assert.Equal(("r", "i", "in", "ref", 4),
            (request.Id, request.Instruction, request.Input, request.Reference, request.Candidates.Count));
        Assert.Equal(new CandidateResponse("b", null, 2, "m1"), request.Candidates[1]);
        Assert.Equal([0, 3, 1, null], Row.WithRanking(new() { Scores = [0, 3, 1, null], Order = [1, 2, 0] }).Scores);
        Assert.Throws<ArgumentException>(() => Row.WithRanking(new() { Scores = [1], Order = [0] }));
    }
}
