using Tuna.Cli.Files;

namespace Tuna.Cli.Tests.Files;

public class IssueSummaryTests
{
    [Fact]
    public void Text_ManyMessagesOfFewKinds_CountsEachAndShowsOne()
    {
        IEnumerable<string> messages = Enumerable.Range(0, 90)
            .Select(i => $"Row 'r{i}': the prompt has {900 + i} tokens; the model's context has 512")
            .Append("Row 'x': there is no reference");

        string[] lines = IssueSummary.Text(messages).Split(Environment.NewLine);

        Assert.Equal(["  90 x: Row 'r0': the prompt has 900 tokens; the model's context has 512", "  1 x: Row 'x': there is no reference"],
            lines);
    }

    /// <summary>Long reasons were one kind, so that 17 connections that failed were counted as replies that could not be read.</summary>
    [Fact]
    public void Text_LongMessagesOfDifferentReasons_AreDifferentKinds()
    {
        string[] messages =
        [
            "Row 'a': after 3 calls, the judge's last reply could not be read: it was cut off at the limit of its length.",
            "Row 'b': the call to the judge failed: The connection failed (1 attempt). An error occurred while sending the request.",
            "Row 'c': the call to the judge failed: The service answered 500 (1 attempt). The model is not loaded, please try again.",
            "Row 'd': the call to the judge failed: The service answered 500 (1 attempt). The model is being loaded, wait a little.",
        ];

        string[] lines = IssueSummary.Text(messages).Split(Environment.NewLine);

        Assert.Equal([$"  2 x: {messages[2]}", $"  1 x: {messages[0]}", $"  1 x: {messages[1]}"], lines);
    }

    [Fact]
    public void Text_ALongMessage_IsCutBetweenCharacters()
    {
        string line = IssueSummary.Short(new string('a', 199) + "😀" + new string('b', 50));

        Assert.Equal(new string('a', 199) + " ...", line);
    }

    /// <summary>Texts of others stand in messages; the pattern's time once grew with the square of their length.</summary>
    [Theory]
    [InlineData("(")]
    [InlineData("a")]
    [InlineData("[")]
    public void Text_AMillionCharactersOfOneKind_EndsAtOnce(string character)
    {
        string message = string.Concat(Enumerable.Repeat(character, 1_000_000));

        Assert.StartsWith("  3 x: ", IssueSummary.Text([message, message, message]), StringComparison.Ordinal);
    }
}
