using Tuna.Evaluation.Vicuna;

namespace Tuna.Evaluation.Tests.Vicuna;

public class LenientReaderTests
{
    [Theory]
    [InlineData("8 9", 8, 9)]
    [InlineData("8, 9\nBoth.", 8, 9)]
    [InlineData("(8, 9)", 8, 9)]
    [InlineData("**7.5/10 8/10**", 7.5, 8)]
    [InlineData("I solved it: (1, 2) are the roots.\n\nScores: (6, 9)", 6, 9)] // the last tuple
    [InlineData("Assistant 1: 7\nAssistant 2: 9.5\nBecause", 7, 9.5)]
    [InlineData("\n\n10\t8 ", 10, 8)]
    public void ParseLeniently_CommonForms_AreRead(string reply, double first, double second) =>
        Assert.Equal(new ScorePair(first, second), ScorePair.ParseLeniently(reply));

    [Theory]
    [InlineData("")]
    [InlineData("As an AI, I cannot rate.")]
    [InlineData("8")]
    [InlineData("80 90")] // off the scale
    [InlineData("nan 5")]
    public void ParseLeniently_NoScores_IsNotUnderstood(string reply) => Assert.False(ScorePair.ParseLeniently(reply).Understood);

    [Theory]
    [InlineData("If so I output [[A]], otherwise [[B]]. Here: [[C]]", nameof(GameVerdict.Tie))] // the official reader says A
    [InlineData("[[ b ]]", nameof(GameVerdict.B))]
    [InlineData("Verdict: [A]", nameof(GameVerdict.A))]
    [InlineData("[[Tie]]", nameof(GameVerdict.Tie))]
    [InlineData("[A] at first, then [[B]]", nameof(GameVerdict.B))]
    [InlineData("A", nameof(GameVerdict.Error))]
    public void VerdictLeniently_LastVerdict_Counts(string reply, string expected) =>
        Assert.Equal(expected, GameReplies.VerdictLeniently(reply).ToString());

    /// <summary>Digits of other scripts matched, and were then no number to the parser: an exception without a name ended the
    /// evaluation.</summary>
    [Fact]
    public void ParseLeniently_DigitsOfAnotherScript_AreRead() =>
        Assert.Equal(new ScorePair(8, 9.5), ScorePair.ParseLeniently("Scores: (\u0668, \u0669.\u0665)"));

    /// <summary>Replies on which a pattern that tries every division of the text would take hours.</summary>
    [Theory]
    [InlineData("8 ", "x")]
    [InlineData("8 , ", "x")]
    [InlineData("8", "x")]
    [InlineData("8.", "x")]
    [InlineData("8 / 10 ", "x")]
    [InlineData("(8, 9", "")]
    [InlineData("( ", ")")]
    [InlineData(")", "x")]
    [InlineData(" )", "x")]
    [InlineData("Assistant 1", "x")]
    [InlineData("Assistant 1: 8 ", "x")]
    [InlineData("Assistant 1     8", "Assistant 2")]
    [InlineData("[[", "x")]
    [InlineData("[[1.", "x")]
    [InlineData("[ ", "]")]
    public void Read_AHundredThousandCharacters_TakesTimeInLineWithThem(string repeated, string end)
    {
        string reply = string.Concat(Enumerable.Repeat(repeated, 100_000 / repeated.Length)) + end;
        Assert.True(ScorePair.ParseLeniently(reply) is { First: <= 10, Second: <= 10 });
        GameReplies.Verdict(reply);
        GameReplies.RatingPair(reply);
        GameReplies.Rating(reply);
        GameReplies.VerdictLeniently(reply);
    }
}
