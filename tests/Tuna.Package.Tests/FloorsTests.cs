using System.Reflection;
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
        IEnumerable<IGrouping<string, string>> twice = PublicApiTests.PackageNames
            .SelectMany(package => Assembly.Load(package).GetExportedTypes())
            .Where(type => !type.IsNested)
            .GroupBy(type => type.Name, type => type.FullName!)
            .Where(types => types.Count() > 1);
        Assert.Empty(twice.Select(types => string.Join(" and ", types)));
    }

    private static int FloorOf(string project) => Array.FindIndex(Floors, floor => floor.Contains(project));

    private static bool HasProject(string name) => File.Exists(Path.Combine(SourceFolder, name, name + ".csproj"));

    private static IEnumerable<string> SourceFiles(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildOutput().IsMatch(Path.GetRelativePath(folder, file)));

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^(bin|obj)[/\\]")]
    private static partial Regex BuildOutput();
}
