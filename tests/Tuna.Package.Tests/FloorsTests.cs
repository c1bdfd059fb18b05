using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tuna.Testing;

namespace Tuna.Package.Tests;

/// <summary>The house's plan: dependencies point down only, namespaces follow folders, and a name means one thing.</summary>
public sealed partial class FloorsTests
{
    // From the ground up; a project knows projects of lower floors only, and its floor's other rooms not at all.
    private static readonly string[][] Floors =
    [
        ["Tuna.Core"],
        ["Tuna.Losses", "Tuna.Data"],
        ["Tuna.Tokenizers", "Tuna.Models"],
        ["Tuna.Llama", "Tuna.Llama.Managed"],
        ["Tuna.Distributed", "Tuna.Chat"],
        ["Tuna.Rankers", "Tuna.Evaluation"],
        ["Tuna.Evaluators"],
        ["Tuna.Cli"],
    ];

    public static TheoryData<string> Projects =>
        new(Directory.GetDirectories(SourceFolder).Select(d => Path.GetFileName(d)!).Where(HasProject).Order(StringComparer.Ordinal));

    private static string SourceFolder => Path.Combine(Path.GetDirectoryName(GoldenData.TestsFolder())!, "src");

    [Theory]
    [MemberData(nameof(Projects))]
    public void References_OfProject_PointDown(string project)
    {
        int floor = FloorOf(project);
        Assert.True(floor >= 0, $"{project} has no floor; give it one in this test.");
        XDocument file = XDocument.Load(Path.Combine(SourceFolder, project, project + ".csproj"));
        foreach (XElement reference in file.Descendants("ProjectReference"))
        {
            string other = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
            Assert.True(FloorOf(other) < floor, $"{project} references {other}, which is not on a lower floor.");
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Namespaces_OfProject_FollowFolders(string project)
    {
        string root = project == "Tuna.Core" ? "Tuna" : project;
        string folder = Path.Combine(SourceFolder, project);
        foreach (string file in SourceFiles(folder))
        {
            string inside = Path.GetDirectoryName(Path.GetRelativePath(folder, file))!.Replace(Path.DirectorySeparatorChar, '.');
            string expected = inside.Length == 0 ? root : $"{root}.{inside}";
            Match found = Namespace().Match(File.ReadAllText(file));
            // Extension methods on somebody else's types live where those types do, so that they are found.
            if (found.Success && !found.Groups[1].Value.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal))
                Assert.True(found.Groups[1].Value == expected,
                    $"{Path.GetRelativePath(SourceFolder, file)}: namespace {found.Groups[1].Value}; its folder says {expected}.");
        }
    }

    [Fact]
    public void PublicTypes_OfAllPackages_HaveNamesOfTheirOwn()
    {
        // The checked-in listings, each of which a test of its package compares with the assembly.
        string tests = GoldenData.TestsFolder();
        string[] listings = [.. Directory.GetFiles(Path.Combine(tests, "Tuna.Package.Tests", "PublicApi"), "*.txt"),
            .. Directory.GetDirectories(tests).Select(folder => Path.Combine(folder, "PublicApi.txt")).Where(File.Exists)];
        string[] types = [.. listings.SelectMany(File.ReadLines).Select(line => ListedType().Match(line)).Where(m => m.Success)
            .Select(m => m.Groups["name"].Value)];
        Assert.Equal(Projects.Count - 1, listings.Length); // the program has no public types
        Assert.Contains("Tuna.Llama.LlamaPolicy", types);
        IEnumerable<IGrouping<string, string>> twice = types
            .Where(type => !types.Any(outer => type.StartsWith(outer + ".", StringComparison.Ordinal))) // nested types are their owner's
            .GroupBy(type => type[(type.LastIndexOf('.') + 1)..]).Where(same => same.Count() > 1);
        Assert.Empty(twice.Select(same => string.Join(" and ", same)));
    }

    /// <summary>Inside an engine folders are floors, too. A file at its top counts as a floor of its own: options and exceptions lie below
    /// the folders, policies above them.</summary>
    [Theory]
    [InlineData("Tuna.Llama")]
    [InlineData("Tuna.Llama.Managed")]
    public void Folders_OfAnEngine_HaveNoLoops(string project)
    {
        string root = Path.Combine(SourceFolder, project);
        var files = SourceFiles(root).Select(file => (Floor: FloorWithin(root, file), Text: Code(file))).ToList();
        var homes = files.SelectMany(f => DeclaredType().Matches(f.Text).Select(m => (Name: m.Groups["name"].Value, f.Floor)))
            .Distinct().GroupBy(d => d.Name).Where(d => d.Count() == 1).ToDictionary(d => d.Key, d => d.Single().Floor);
        var uses = files.GroupBy(f => f.Floor).ToDictionary(floor => floor.Key, floor => floor
            .SelectMany(f => Word().Matches(f.Text).Select(m => homes.GetValueOrDefault(m.Value))
                .Where(other => other is not null && IsSeen(project, other, f.Text)))
            .Where(other => other != floor.Key).Distinct().ToArray());
        Assert.True(uses.Values.Sum(others => others.Length) > 20, "The folders are said to know nothing of each other.");
        // What uses nothing that is left is taken away, again and again; a loop stays.
        for (int before = -1; before != uses.Count;)
        {
            before = uses.Count;
            foreach (string done in uses.Where(floor => !floor.Value.Any(other => uses.ContainsKey(other!))).Select(f => f.Key).ToList())
                uses.Remove(done);
        }

        string loops = string.Join("\n", uses.Select(floor => $"{floor.Key} -> {string.Join(", ", floor.Value.Where(uses.ContainsKey!))}"));
        Assert.True(loops.Length == 0, $"{project} has a loop among its folders; these lie on it or above it:\n{loops}");
    }

    private static string FloorWithin(string root, string file)
    {
        string[] parts = Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar);
        return parts.Length > 1 ? parts[0] : parts[0].Split('.')[0] + ".cs";
    }

    // Types at the top are seen from every folder; a folder's from where its namespace is opened.
    private static bool IsSeen(string project, string floor, string text) =>
        floor.EndsWith(".cs", StringComparison.Ordinal) || text.Contains($"using {project}.{floor}", StringComparison.Ordinal);

    private static string Code(string file) => CommentOrString().Replace(File.ReadAllText(file), "");

    private static int FloorOf(string project) => Array.FindIndex(Floors, floor => floor.Contains(project));

    private static bool HasProject(string name) => File.Exists(Path.Combine(SourceFolder, name, name + ".csproj"));

    private static IEnumerable<string> SourceFiles(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildOutput().IsMatch(Path.GetRelativePath(folder, file)));

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    // A line of a listing that is not indented: kind, name, perhaps parameters of type, perhaps bases.
    [GeneratedRegex(@"^[a-z][a-z ]* (?<name>Tuna[\w.]*)")]
    private static partial Regex ListedType();

    [GeneratedRegex(@"^(?:public|internal) [a-z ]*(?:class|struct|record|interface|enum) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex DeclaredType();

    [GeneratedRegex(@"\b[A-Z]\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"//[^\n]*|""(?:[^""\\\n]|\\.)*""")]
    private static partial Regex CommentOrString();

    [GeneratedRegex(@"^(bin|obj)[/\\]")]
    private static partial Regex BuildOutput();
}
