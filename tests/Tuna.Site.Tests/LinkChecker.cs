using System.Text.Json;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace Tuna.Site.Tests;

/// <summary>Goes over a built site: every link to a page, a file or an anchor of it leads somewhere, and no page needs the network to
/// show.</summary>
internal sealed class LinkChecker
{
    private readonly string _root;
    private readonly Dictionary<string, HashSet<string>> _anchors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _files;

    public LinkChecker(string root)
    {
        _root = root;
        _files = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))];
    }

    /// <summary>Links into the site that were followed.</summary>
    public int Followed { get; private set; }

    /// <summary>What is wrong, a line each.</summary>
    public IReadOnlyList<string> Check()
    {
        var broken = new List<string>();
        var parser = new HtmlParser();
        var links = new List<(string Page, string Link)>();
        foreach (string page in _files.Where(file => file.EndsWith(".html", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using IDocument document = parser.ParseDocument(File.ReadAllText(Path.Combine(_root, page)));
            _anchors[page] = [.. document.All.SelectMany(e => new[] { e.Id, e.GetAttribute("name") }).OfType<string>()];
            links.AddRange(document.QuerySelectorAll("a[href]").Select(e => (page, e.GetAttribute("href")!)));
            foreach (string needed in document.QuerySelectorAll("img[src], script[src]").Select(e => e.GetAttribute("src")!)
                .Concat(document.QuerySelectorAll("link[href]").Select(e => e.GetAttribute("href")!)))
            {
                if (IsOutside(needed))
                    broken.Add($"{page}: loads {needed} from the network");
                else
                    links.Add((page, needed));
            }
        }

        foreach (string toc in _files.Where(file => Path.GetFileName(file) == "toc.json").Order(StringComparer.Ordinal))
            links.AddRange(TocLinks(JsonDocument.Parse(File.ReadAllText(Path.Combine(_root, toc))).RootElement).Select(l => (toc, l)));
        broken.AddRange(links.Distinct().Where(l => !IsOutside(l.Link)).Select(l => Problem(l.Page, l.Link)).OfType<string>());
        return broken;
    }

    private static bool IsOutside(string link) =>
        link.StartsWith("//", StringComparison.Ordinal) || (Uri.TryCreate(link, UriKind.Absolute, out Uri? uri) && !uri.IsFile);

    private string? Problem(string page, string link)
    {
        Followed++;
        // The base is any address: only the way from the page to its target matters.
        var target = new Uri(new Uri("http://site/" + page), link);
        string path = Uri.UnescapeDataString(target.AbsolutePath)[1..];
        if (path.Length == 0 || path.EndsWith('/'))
            path += "index.html";
        if (!_files.Contains(path))
            return $"{page}: {link} leads to {path}, which is not there";
        string anchor = Uri.UnescapeDataString(target.Fragment);
        return anchor.Length > 1 && _anchors.TryGetValue(path, out HashSet<string>? anchors) && !anchors.Contains(anchor[1..])
            ? $"{page}: {link} leads to an anchor that {path} does not have" : null;
    }

    private static IEnumerable<string> TocLinks(JsonElement node)
    {
        if (node.TryGetProperty("href", out JsonElement href) && href.GetString() is { } link)
            yield return link;
        if (!node.TryGetProperty("items", out JsonElement items))
            yield break;
        foreach (string inside in items.EnumerateArray().SelectMany(TocLinks))
            yield return inside;
    }
}
