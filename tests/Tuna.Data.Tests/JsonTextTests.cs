using System.Text;
using Tuna.Data;

namespace Tuna.Data.Tests;

public class JsonTextTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("plain", "plain", true)]
    [InlineData("a\\n\\\"b\\\"", "a\n\"b\"", false)]
    [InlineData("caf\u00e9 \u4f60\u597d \ud83d\ude00", "caf\u00e9 \u4f60\u597d \ud83d\ude00", false)]
    [InlineData("\\ud83d\\ude00\\u00E9", "\ud83d\ude00\u00e9", false)]
    public void Text_AsItStandsAndDecoded(string raw, string expected, bool plain)
    {
        using RankedReader row = One(raw);
        JsonText text = row.Output(0);
        Assert.Equal(raw, Encoding.UTF8.GetString(text.Raw));
        Assert.Equal(expected, text.ToString());
        Assert.Equal(expected.Length, text.Length);
        Assert.Equal(plain, text.IsPlain);
        char[] chars = new char[expected.Length + 2];
        chars[^2] = '#';
        Assert.Equal(expected.Length, text.CopyTo(chars));
        Assert.Equal(expected + "#", new string(chars.AsSpan(0, expected.Length + 1)));
    }

    [Fact]
    public void CopyTo_TooLittleRoom_SaysHowMuchItTakes()
    {
        using RankedReader row = One("four");
        Assert.Contains("4 characters, there is room for 3",
            Assert.Throws<ArgumentException>(() => row.Output(0).CopyTo(new char[3])).Message);
    }

    private static RankedReader One(string raw)
    {
        var row = new RankedReader(new MemoryStream(Encoding.UTF8.GetBytes($$"""{"id":1,"instruction":"i","output":["{{raw}}"]}""")),
            "text");
        Assert.True(row.Read());
        return row;
    }
}
