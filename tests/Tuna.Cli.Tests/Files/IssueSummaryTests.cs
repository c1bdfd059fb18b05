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
