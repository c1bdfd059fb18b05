using FsCheck;
using FsCheck.Fluent;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Judging;

public class JudgeReplyReaderTests
{
    private const string FullReply = """
        First, the instruction requires open-ended responses.

        ###Response 4:
        Teal, a blend of blue and green.

        Third, there are no duplicate responses.

        Fourth, the ratings are:
        Response 0: [8]
        Response 1: [11]
        Response 2: [12]
        Response 3: [1]
        Response 4: [15]

        rank: [4, 2, 1, 0, 3]
        """;

    [Fact]
    public void Read_PaperFormat_TakesOutTheJudgesOwnAnswer()
    {
        Judgment judgment = JudgeReplyReader.Read(FullReply, Rows.Four());

        Assert.Equal([2, 1, 0, 3], judgment.Order);
        Assert.Equal([8, 11, 12, 1], judgment.Scores);
        Assert.Equal("Teal, a blend of blue and green.", judgment.Reference);
    }

    [Theory]
    [InlineData("rank: [4, 2, 1, 0, 3]")]
    [InlineData("RANK: [4,2,1,0,3]")]
    [InlineData("Ranking: [ 4 , 2 , 1 , 0 , 3 ]")]
    [InlineData("**rank:** [4, 2, 1, 0, 3]")]
    [InlineData("rank: [2, 1, 0, 3]")]
    [InlineData("rank: [0, 1, 2, 3]\nOn reflection:\nrank: [2, 1, 0, 3, 4]")]
    [InlineData("The last list counts: [2, 1, 0, 3]")]
    [InlineData("rank: [2, 1, 0, 3] [note: close call]")]
    [InlineData("Response 0 to 4, rank: [2, 1, 0, 3]")]
    // A labelled verdict outweighs what a note says, before or after it.
    [InlineData("rank: [2, 1, 0, 3]\n\nNote: responses [1, 0, 2, 3] are in order of length, which did not influence the ranking.")]
    [InlineData("rank: [2, 1, 0, 3]\n\nExplanation: the sums are [8, 11, 12, 1].")]
    [InlineData("rank: [2, 1, 0, 3]\nSee also [3]")]
    [InlineData("The lengths are [0, 1, 2, 3].\n**Final ranking:** [2, 1, 0, 3]\nBy length: [3, 2, 1, 0]")]
    [InlineData("rank: [2, 1, 0, 3]\n\nHad length counted, the ranking: [3, 2, 1, 0] would follow.")]
    [InlineData("rank: [2, 1, 0, 3]\nIf only accuracy counted, rank: [3, 2, 1, 0]")]
    // Forms that models write.
    [InlineData("rank: 2, 1, 0, 3")]
    [InlineData("Rank: 2 > 1 > 0 > 3")]
    [InlineData("rank: [2 > 1 > 0 > 3]")]
    [InlineData("rank: [Response 2, Response 1, Response 0, Response 3]")]
    [InlineData("Ranking: Response 2 > Response 1 > Response 0 > Response 3.")]
    [InlineData("rank\uFF1A[2\uFF0C 1\uFF0C 0\uFF0C 3]")]
    [InlineData("rank\uFF1A\u3010\uFF12\u3001\uFF11\u3001\uFF10\u3001\uFF13\u3011")]
    [InlineData("**rank:** $\\boxed{[2, 1, 0, 3]}$")]
    [InlineData("**rank:** $\\boxed{2, 1, 0, 3}$")]
    [InlineData("### Ranking\n[2, 1, 0, 3]\n\nThe order of length is [0, 1, 2, 3].")]
    [InlineData("rank:\n\n[2, 1, 0, 3]\nand not [0, 1, 2, 3]")]
    [InlineData("{\"rank\": [2, 1, 0, 3], \"lengths\": [3, 2, 1, 0]}")]
    [InlineData("<think>First guess: rank: [0, 1, 2, 3]. Or [1, 0, 2, 3].</think>\n\n[2, 1, 0, 3]")]
    [InlineData("Let me think. rank: [0, 1, 2, 3]\n</think>\nThe order is [2, 1, 0, 3]")]
    [InlineData("rank: [2, 1, 0, 3]\r\nResponse 2: [12]\r\nResponse 1: [11]")]
    public void Read_AcceptedForms_GiveTheOrder(string reply) =>
        Assert.Equal([2, 1, 0, 3], JudgeReplyReader.Read(reply, Rows.Four()).Order);

    [Theory]
    [InlineData("", "no ranking")]
    [InlineData("I cannot help with that.", "no ranking")]
    [InlineData("rank: 2, 1 and 0 are close, and 3 is last.", "no ranking")]
    [InlineData("<think>rank: [2, 1, 0, 3]", "own thinking")]
    [InlineData("<think>rank: [2, 1, 0, 3]</think>\nI cannot decide.", "no ranking")]
    [InlineData("rank: [2, 1, 0, 3", "no ranking")]
    [InlineData("rank: []", "not a list")]
    [InlineData("rank: [i, j, k, l, m]", "not a list")]
    [InlineData("rank: [2 = 1 > 0 > 3]", "not a list")]
    [InlineData("rank: [2 1 0 3]", "not a list")]
    [InlineData("rank: [2, 1, 0, 3.5]", "not a list")]
    [InlineData("rank: [2, 1, 0, -3]", "not a list")]
    [InlineData("rank: [2, 1, 0, 3, 5]", "outside 0 to 4")]
    [InlineData("rank: [2, 1, 0, 3, 99999999999999999999]", "outside 0 to 4")]
    [InlineData("rank: [2, 1, 0, 3, 2]", "twice")]
    [InlineData("rank: [2, 1, 0]", "leaves out Response 3")]
    [InlineData("rank: [4]", "leaves out Response 0")]
    [InlineData("Response 0: [3]\nResponse 1: [4]", "no ranking")]
    [InlineData("[2, 1, 0, 3]\nSee also [3]", "leaves out Response 0")]
    [InlineData("Third, no duplicates among Response 0, 1, 2 and 3.\nrank: [2, 1, 0]", "leaves out Response 3")]
    public void Read_BadReplies_SayWhatIsWrong(string reply, string problem)
    {
        var e = Assert.Throws<UnreadableReplyException>(() => JudgeReplyReader.Read(reply, Rows.Four()));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DuplicateByText_IsDropped()
    {
        Judgment judgment = JudgeReplyReader.Read("rank: [2, 1, 4, 0]", Rows.Row("Red.", "Green", "Blue", "red!"));

        Assert.Equal([2, 1, 0], judgment.Order);
    }

    [Fact]
    public void Read_DuplicateThatTheJudgeNames_IsDropped()
    {
        Judgment judgment = JudgeReplyReader.Read("Third, Response 1 and Response 3 are duplicates.\nrank: [2, 1, 0]", Rows.Four());

        Assert.Equal([2, 1, 0], judgment.Order);
    }

    [Fact]
    public void Read_DifferentSigns_AreNoDuplicates() =>
        Assert.Throws<UnreadableReplyException>(() => JudgeReplyReader.Read("rank: [0]", Rows.Row("+", "-")));

    [Theory]
    [InlineData("Response 0: 7", 7.0)]
    [InlineData("Response 0: 7/15", 7.0)]
    [InlineData("**Response 0:** [7]", 7.0)]
    [InlineData("Response 0: [3 + 2 + 2 = 7]", 7.0)]
    [InlineData("Response 0: [3 + 2 + 2 = 8]", 7.0)]
    [InlineData("Response 0: [3, 2, 2]", 7.0)]
    [InlineData("Response 0: [2.5, 2, 2.5]", 7.0)]
    [InlineData("Response 0: [1]\nResponse 0: [7]", 7.0)]
    [InlineData("Response 0: [16]", null)]
    [InlineData("Response 0: [-1]", null)]
    [InlineData("Response 0: [6, 1, 0]", null)]
    [InlineData("Response 0: [NaN]", null)]
    [InlineData("###Response 0: 7", null)]
    [InlineData("Response 0: 7 apples", null)]
    public void Read_ScoreLines_GiveTotals(string line, double? expected) =>
        Assert.Equal(expected, JudgeReplyReader.Read(line + "\nrank: [2, 1, 0, 3]", Rows.Four()).Scores[0]);

    [Fact]
    public void Read_ScoresOfThinking_AreNotTheJudges()
    {
        Judgment judgment = JudgeReplyReader.Read("<think>Response 0: [15]</think>Response 2\uFF1A\u301012\u3011\nrank: [2, 1, 0, 3]",
            Rows.Four());

        Assert.Null(judgment.Scores[0]);
        Assert.Equal(12, judgment.Scores[2]);
    }

    [Fact]
    public void Read_MarkOfThinkingInACandidate_CutsNothingOff()
    {
        RankingRequest request = Rows.Row("a", "b </think> rank: [1, 0]", "c");

        Assert.Equal([0, 2, 1], JudgeReplyReader.Read("rank: [0, 2, 1]\nResponse 1 holds '</think>'.", request).Order);
        Assert.Throws<UnreadableReplyException>(() => JudgeReplyReader.Read("Response 1 was: b </think> rank: [1, 0]", request));
    }

    [Fact]
    public void Read_AspectScores_AreKept()
    {
        Judgment judgment = JudgeReplyReader.Read("Response 1: [5, 3, 4]\nResponse 2: [9]\nrank: [2, 1, 0, 3]", Rows.Four());

        Assert.Equal([5, 3, 4], judgment.AspectScores[1]!);
        Assert.Null(judgment.AspectScores[2]);
        Assert.Equal(9, judgment.Scores[2]);
    }

    [Fact]
    public void Read_AnyPermutation_RoundTrips() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Shuffle(Enumerable.Range(0, 7).ToArray()).ToArbitrary(),
        permutation =>
        {
            RankingRequest request = Rows.Row([.. Enumerable.Range(0, 6).Select(k => $"answer {k}")]);
            Judgment judgment = JudgeReplyReader.Read($"rank: [{string.Join(", ", permutation)}]", request);
            Assert.Equal(permutation.Where(k => k < 6), judgment.Order);
        }));

    [Fact]
    public void Read_AnyText_EitherRanksOrSaysWhyNot() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Elements("rank", ":", "[", "]", "0", "1", "2", ",", " ", "\n", "Response", "#", "duplicate", "99", "**", "x").ListOf()
            .Select(string.Concat).ToArbitrary(),
        text =>
        {
            try
            {
                Judgment judgment = JudgeReplyReader.Read(text, Rows.Row("a", "b"));
                Assert.Equal(judgment.Order.Distinct(), judgment.Order);
                Assert.All(judgment.Order, k => Assert.InRange(k, 0, 1));
            }
            catch (UnreadableReplyException)
            {
            }
        }));
}
