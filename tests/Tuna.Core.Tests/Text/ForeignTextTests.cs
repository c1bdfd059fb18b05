using Tuna.Text;

namespace Tuna.Core.Tests.Text;

public class ForeignTextTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("plain", "plain")]
    [InlineData("é 日本", "é 日本")]
    [InlineData("a\u001b[2Jb\nc", "a\\u001b[2Jb\\u000ac")]
    [InlineData("x\u202Ey\u2028", "x\\u202ey\\u2028")]
    public void Shorten_ForeignText_IsFitForALine(string? text, string expected) => Assert.Equal(expected, ForeignText.Shorten(text));

    [Fact]
    public void Shorten_LongText_IsCutBetweenCodePoints()
    {
        Assert.Equal("lone \\ud800", ForeignText.Shorten("lone \uD800"));
        Assert.Equal("aaa... (1000 characters)", ForeignText.Shorten(new string('a', 1000), 3));
        Assert.Equal("aa... (4 characters)", ForeignText.Shorten("aa\U0001F600", 3));
        Assert.Equal("aa\U0001F600", ForeignText.Shorten("aa\U0001F600", 4));
    }

    [Theory]
    [InlineData("plain text\n\tover lines", "plain text\n\tover lines")]
    [InlineData("\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m")]
    [InlineData("\u001b]0;title\u0007", "\\u001b]0;title\\u0007")]
    [InlineData("over\rwritten", "over\\u000dwritten")]
    [InlineData("windows\r\nlines", "windows\r\nlines")]
    [InlineData("\u009b2J", "\\u009b2J")]
    [InlineData("a\u202etxt.exe", "a\\u202etxt.exe")]
    [InlineData("Grüße, 東京 😀", "Grüße, 東京 😀")]
    public void Printable_WithControlCharacters_ShowsThemInsteadOfObeyingThem(string text, string shown) =>
        Assert.Equal(shown, ForeignText.Printable(text));
}
