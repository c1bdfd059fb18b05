using Tuna.Cli.Terminal;

namespace Tuna.Cli.Tests.Terminal;

public class PrintableTests
{
    [Theory]
    [InlineData("plain text\n\tover lines", "plain text\n\tover lines")]
    [InlineData("\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m")]
    [InlineData("\u001b]0;title\u0007", "\\u001b]0;title\\u0007")]
    [InlineData("over\rwritten", "over\\u000dwritten")]
    [InlineData("windows\r\nlines", "windows\r\nlines")]
    [InlineData("\u009b2J", "\\u009b2J")]
    [InlineData("a\u202etxt.exe", "a\\u202etxt.exe")]
    [InlineData("Grüße, 東京 😀", "Grüße, 東京 😀")]
    public void Text_WithControlCharacters_ShowsThemInsteadOfObeyingThem(string text, string shown) =>
        Assert.Equal(shown, Printable.Text(text));
}
