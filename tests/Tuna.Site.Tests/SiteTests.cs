using System.Diagnostics;
using Tuna.Testing;

namespace Tuna.Site.Tests;

/// <summary>The documentation is built as docs/docfx.json says, and holds together.</summary>
public sealed class SiteTests : IClassFixture<SiteTests.BuiltSite>
{
    private readonly BuiltSite _site;

    public SiteTests(BuiltSite site) => _site = site;

    [Fact]
    public void Build_OfTheSite_HasEveryPage()
    {
        string[] pages = [.. Directory.GetFiles(Path.Combine(_site.Sources, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.ChangeExtension(Path.GetRelativePath(Path.Combine(_site.Sources, "docs"), file), ".html"))];
        Assert.True(pages.Length > 60);
        Assert.DoesNotContain(pages, page => !File.Exists(Path.Combine(_site.Folder, page)));
        Assert.True(File.Exists(Path.Combine(_site.Folder, "api", "Tuna.Training.RankingTrainer.html")));
        Assert.True(File.Exists(Path.Combine(_site.Folder, "api", "Tuna.Llama.LlamaPolicy.html")));
    }

    [Fact]
    public void Links_OfTheSite_LeadSomewhereAndNeedNoNetwork()
    {
        var checker = new LinkChecker(_site.Folder);
        Assert.Empty(checker.Check());
        Assert.True(checker.Followed > 5000, $"Only {checker.Followed} links were followed.");
    }

    [Fact]
    public void Equations_OfTheSite_AreMathematics()
    {
        string page = File.ReadAllText(Path.Combine(_site.Folder, "equations.html"));
        Assert.Contains("class=\"math\"", page, StringComparison.Ordinal);
        Assert.Contains(@"\begin{aligned}", page, StringComparison.Ordinal);
        // What draws them comes with the site.
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(_site.Folder, "public"), "tex-svg*.js"));
    }

    [Fact]
    public void TablesOfContents_OfTasksAndReference_NameEveryPage()
    {
        string docs = Path.Combine(_site.Sources, "docs");
        string[] named = [.. new[] { "toc.yml", "tasks/toc.yml", "reference/toc.yml" }
            .SelectMany(toc => File.ReadLines(Path.Combine(docs, toc)))
            .Select(line => line.Trim()).Where(line => line.StartsWith("href: ", StringComparison.Ordinal))
            .Select(line => Path.GetFileName(line["href: ".Length..]))];
        IEnumerable<string> pages = new[] { "", "tasks", "performance" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(docs, folder), "*.md"))
            .Select(file => Path.GetFileName(file)).Where(name => name != "index.md");
        Assert.Empty(pages.Except(named));
    }

    /// <summary>Builds the site from a copy of its sources, so that nothing is written beside them; a warning fails it.</summary>
    public sealed class BuiltSite : IDisposable
    {
        private readonly TempFolder _folder = new();

        public BuiltSite()
        {
            string root = Path.GetDirectoryName(GoldenData.TestsFolder())!;
            Copy(Path.Combine(root, "docs"), Path.Combine(Sources, "docs"), "*");
            Copy(Path.Combine(root, "samples"), Path.Combine(Sources, "samples"), "*.cs");
            Copy(Path.Combine(root, "src"), Path.Combine(Sources, "src"), "README.md");
            // docs/docfx.json names a Release build; these are the assemblies of whatever is being tested.
            string assemblies = Path.Combine(Sources, "tests", "Tuna.Site.Tests", "bin", "Release", "net10.0");
            Directory.CreateDirectory(assemblies);
            foreach (string file in new[] { "*.dll", "Tuna.*.xml" }.SelectMany(p => Directory.GetFiles(AppContext.BaseDirectory, p)))
                File.Copy(file, Path.Combine(assemblies, Path.GetFileName(file)));
            Dotnet(root, "tool", "restore");
            Dotnet(root, "docfx", Path.Combine(Sources, "docs", "docfx.json"), "--warningsAsErrors", "--logLevel", "warning");
        }

        public string Sources => _folder["sources"];

        public string Folder => Path.Combine(Sources, "artifacts", "site");

        public void Dispose() => _folder.Dispose();

        private static void Copy(string from, string to, string pattern)
        {
            foreach (string file in Directory.EnumerateFiles(from, pattern, SearchOption.AllDirectories))
            {
                string inside = Path.GetRelativePath(from, file);
                string[] parts = inside.Split(Path.DirectorySeparatorChar);
                if (parts.Contains("bin") || parts.Contains("obj") || parts[0] == "api")
                    continue;
                string target = Path.Combine(to, inside);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }

        private static void Dotnet(string folder, params string[] arguments)
        {
            var start = new ProcessStartInfo("dotnet", arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            // The test host's own MSBuild settings are not the user's.
            foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
                || k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToList())
                start.Environment.Remove(name);
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            Assert.True(process.WaitForExit(TimeSpan.FromMinutes(40)), $"dotnet {arguments[0]} did not end.");
            Assert.True(process.ExitCode == 0,
                $"dotnet {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}{errors.Result}");
        }
    }
}
