using Tuna.Testing;

namespace Tuna.Site.Tests;

public sealed class LinkCheckerTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Check_OfGoodLinks_FindsNothing()
    {
        Page("index.html", "<a href='tasks/a.html#part-1'>a</a> <a href='https://example.org/x'>out</a> <img src='p.svg'> "
            + "<a href='#top'></a><p id='top'>");
        Page("tasks/a.html", "<h2 id='part-1'>1</h2><a href='../index.html'>up</a><a href='./'>here</a>");
        Page("tasks/index.html", "");
        Page("p.svg", "");
        Page("toc.json", """{"items":[{"href":"index.html","items":[{"href":"tasks/a.html"}]}]}""");
        var checker = new LinkChecker(_folder.Root);
        Assert.Empty(checker.Check());
        Assert.Equal(7, checker.Followed);
    }

    [Theory]
    [InlineData("<a href='b.html'>", "b.html, which is not there")]
    [InlineData("<a href='B.html'>", "which is not there")]
    [InlineData("<a href='a.html#none'>", "an anchor that a.html does not have")]
    [InlineData("<a href='#none'>", "an anchor that index.html does not have")]
    [InlineData("<img src='none.svg'>", "none.svg")]
    [InlineData("<script src='https://cdn.example.org/x.js'></script>", "from the network")]
    [InlineData("<link rel='stylesheet' href='//cdn.example.org/x.css'>", "from the network")]
    public void Check_OfABrokenLink_NamesPageAndLink(string html, string expected)
    {
        Page("index.html", html);
        Page("a.html", "<h2 id='part'>1</h2>");
        string problem = Assert.Single(new LinkChecker(_folder.Root).Check());
        Assert.StartsWith("index.html: ", problem, StringComparison.Ordinal);
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_OfATableOfContents_FollowsItsLinks()
    {
        Page("toc.json", """{"items":[{"items":[{"href":"gone.html"}]}]}""");
        Assert.Contains("gone.html", Assert.Single(new LinkChecker(_folder.Root).Check()), StringComparison.Ordinal);
    }

    private void Page(string name, string html)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllText(_folder[name], html);
    }
}
