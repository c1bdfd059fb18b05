using Tuna.Data;
using Tuna.Evaluation.Measures;
using Tuna.Data.Groups;

namespace Tuna.Evaluation.Tests.Measures;

public class RankingMeasuresTests
{
    [Fact]
    public void RankingAgreement_HandWorkedRows_AreMeans()
    {
        RankedExample[] people = [Row("1", 3, 2, 1), Row("2", 3, 2, 1), Row("only", 1, 2), Row("tied", 1, 1)];
        RankedExample[] judge = [Row("1", 9, 8, 7), Row("2", 7, 8, 9), Row("tied", 2, 1), Row("extra", 1, 2)];
        RankingAgreement agreement = RankingAgreement.Of(people, judge);
        RankerEvaluation measures = agreement.Measures;
        Assert.Equal(3, measures.Rows);
        Assert.Equal(0, measures.Spearman, 1e-12); // 1 and -1; the tied row has no correlation
        Assert.Equal(0, measures.KendallTauB, 1e-12);
        Assert.Equal(6, measures.Pairs);
        Assert.Equal(0.5, measures.PairwiseAccuracy);
        Assert.Equal(2 / 3.0, measures.TopAccuracy, 1e-12); // row 1, and the tied row, where either is best
        Assert.Equal(["row 'only' is in the first ranking alone.", "row 'extra' is in the second ranking alone."], agreement.Issues);
    }

    [Fact]
    public void RankingAgreement_MissingScoresAndOtherResponses_AreHandled()
    {
        RankingAgreement agreement = RankingAgreement.Of(
            [Row("1", 3, null, 1), Row("2", 3, null), Row("3", 1, 2)],
            [Row("1", 5, 9, 4), Row("2", 1, 2), Row("3", 1, 2) with { Outputs = ["x", "y"] }]);
        Assert.Equal((1, 1L, 1.0), (agreement.Measures.Rows, agreement.Measures.Pairs, agreement.Measures.PairwiseAccuracy));
        Assert.Contains("row '2' has 1 responses", agreement.Issues[0], StringComparison.Ordinal);
        Assert.Contains("row '3' has other responses", agreement.Issues[1], StringComparison.Ordinal);
    }

    [Fact]
    public void RankingAgreement_ARowTwice_SaysWhichAndWhere()
    {
        Assert.Contains("first ranking has the row '1' twice",
            Assert.Throws<ArgumentException>(() => RankingAgreement.Of([Row("1", 1, 2), Row("1", 1, 2)], [])).Message,
            StringComparison.Ordinal);
        Assert.Contains("second ranking has the row '2' twice",
            Assert.Throws<ArgumentException>(() => RankingAgreement.Of([], [Row("2", 1, 2), Row("2", 1, 2)])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void LengthByRank_HandWorkedRows_AreMeansAndMedians()
    {
        RankedExample[] rows =
        [
            Row("1", 1, 3, 2) with { Outputs = ["one", "one two three four", "one two"] },
            Row("2", 2, 1, null) with { Outputs = ["a b", "c", "not ranked"] },
        ];
        LengthByRank lengths = LengthByRank.Of(rows);
        Assert.Equal([new RankLength(1, 2, 3, 3), new RankLength(2, 2, 1.5, 1.5), new RankLength(3, 1, 1, 1)], lengths.Ranks);
        Assert.Equal(1, lengths.Spearman, 1e-12);
        Assert.Equal(18, LengthByRank.Of(rows[..1], ByteTokenizer.Instance).Ranks[0].Mean);
    }

    private static RankedExample Row(string id, params double?[] scores) =>
        new() { Id = id, Instruction = "i", Outputs = [.. scores.Select((_, k) => $"response {k}")], Scores = scores };
}
