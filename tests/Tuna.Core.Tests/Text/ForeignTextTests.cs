using Tuna.Text;

namespace Tuna.Core.Tests.Text;

public class ForeignTextTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("plain", "plain")]
    [InlineData("é 日本", "é 日本")]
    [InlineData("a\u001b[2Jb\nc", "a\\u001B[2Jb\\u000Ac")]
    [InlineData("x\u202Ey\u2028", "x\\u202Ey\\u2028")]
    public void Shorten_ForeignText_IsFitForALine(string? text, string expected) => Assert.Equal(expected, ForeignText.Shorten(text));

    [Fact]
    public void Shorten_LongText_IsCutBetweenCodePoints()
    {
        Assert.Equal("lone \\uD800", ForeignText.Shorten("lone \uD800"));
        Assert.Equal("aaa... (1000 characters)", ForeignText.Shorten(new string('a', 1000), 3));
        Assert.Equal("aa... (4 characters)", ForeignText.Shorten("aa\U0001F600", 3));
        Assert.Equal("aa\U0001F600", ForeignText.Shorten("aa\U0001F600", 4));
    }
}
