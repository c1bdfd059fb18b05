using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;
using Tuna.Testing;

namespace Tuna.Package.Tests;

/// <summary>What a user gets: packages that are well formed, and an empty project that restores them and runs the README's first
/// snippet.</summary>
public sealed class ConsumerTests : IClassFixture<ConsumerTests.PackedFeed>
{
    private static readonly string[] Packages =
        ["Tuna.Core", "Tuna.Data", "Tuna.Models", "Tuna.Losses", "Tuna.Chat", "Tuna.Rankers", "Tuna.Tokenizers", "Tuna.Llama.Managed",
        "Tuna.Distributed", "Tuna.Evaluation", "Tuna.Evaluators"];

    private readonly PackedFeed _feed;

    public ConsumerTests(PackedFeed feed) => _feed = feed;

    [Fact]
    public void Pack_OfEveryPackage_HasReadmeLicenseTagsDescriptionAndSymbols()
    {
        foreach (string package in Packages)
        {
            string file = Assert.Single(Directory.GetFiles(_feed.Folder, package + ".?.?.?.nupkg"));
            Assert.True(File.Exists(Path.ChangeExtension(file, ".snupkg")), $"{package}: no symbols package.");
            using ZipArchive zip = ZipFile.OpenRead(file);
            ZipArchiveEntry readme = Assert.Single(zip.Entries, e => e.FullName == "README.md");
            using (var text = new StreamReader(readme.Open()))
                Assert.StartsWith($"# {package}\n", text.ReadToEnd().ReplaceLineEndings("\n"), StringComparison.Ordinal);
            Assert.Contains(zip.Entries, e => e.FullName == "icon.png");
            Assert.Contains(zip.Entries, e => e.FullName == $"lib/net10.0/{package}.dll");
            Assert.Contains(zip.Entries, e => e.FullName == $"lib/net10.0/{package}.xml");
            using Stream nuspec = zip.GetEntry(package + ".nuspec")!.Open();
            XElement metadata = XDocument.Load(nuspec).Root!.Elements().Single();
            string Value(string name) => metadata.Elements().Single(e => e.Name.LocalName == name).Value;
            Assert.Equal("MIT", Value("license"));
            Assert.Equal("README.md", Value("readme"));
            Assert.NotEmpty(Value("tags"));
            Assert.True(Value("description").Length > 40, $"{package}: the description says nothing.");
        }
    }

    [Fact]
    public void Consumer_InAnEmptyFolder_RunsTheReadmesTenLinesAndCompilesThePackagesExamples()
    {
        string folder = Directory.CreateTempSubdirectory("tuna-consumer").FullName;
        try
        {
            string version = Path.GetFileNameWithoutExtension(Directory.GetFiles(_feed.Folder, "Tuna.Core.?.?.?.nupkg")
                .Single())["Tuna.Core.".Length..];
            File.WriteAllText(Path.Combine(folder, "Consumer.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <Nullable>enable</Nullable>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                    <NuGetAudit>false</NuGetAudit>
                    <RestoreAdditionalProjectSources>{_feed.Folder}</RestoreAdditionalProjectSources>
                    <!-- A cache of its own: the user's must neither serve an older build of the same version nor keep this one. -->
                    <RestorePackagesPath>{Path.Combine(folder, "packages")}</RestorePackagesPath>
                  </PropertyGroup>
                  <ItemGroup>
                    {string.Concat(Packages.Select(p => $"<PackageReference Include=\"{p}\" Version=\"{version}\" />"))}
                  </ItemGroup>
                </Project>
                """);
            File.WriteAllText(Path.Combine(folder, "Program.cs"), Snippet(Path.Combine(RepositoryRoot, "README.md")));
            // The packages' own examples are compiled beside it, each as a method.
            foreach (string package in Packages)
                File.WriteAllText(Path.Combine(folder, package + ".cs"),
                    AsMethod(package, Snippet(Path.Combine(RepositoryRoot, "src", package, "README.md"))));
            string output = Dotnet(folder, "run", "-c", "Release");
            Assert.Contains("Tuna.", output, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(folder, "tuned", "model.safetensors")), "The first snippet saves its model.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string AsMethod(string package, string snippet)
    {
        ILookup<bool, string> lines = snippet.Split('\n')
            .ToLookup(line => line.StartsWith("using ", StringComparison.Ordinal) && !line.Contains('='));
        string name = package.Replace('.', '_');
        return $$"""
            #pragma warning disable CS1998
            {{string.Join('\n', lines[true])}}
            internal static class {{name}}_Readme
            {
                public static async Task Run()
                {
            {{string.Join('\n', lines[false])}}
                }
            }
            """;
    }

    private static string Snippet(string readme)
    {
        string[] lines = File.ReadAllLines(readme);
        int start = Array.IndexOf(lines, "```csharp");
        Assert.True(start >= 0, $"{readme} has no C# snippet.");
        return string.Join('\n', lines.Skip(start + 1).TakeWhile(l => l != "```"));
    }

    private static string RepositoryRoot => Path.GetDirectoryName(GoldenData.TestsFolder())!;

    private static string Dotnet(string folder, params string[] arguments)
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
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"dotnet {arguments[0]} did not end.");
        string text = output.Result + errors.Result;
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{text}");
        return text;
    }

    /// <summary>Packs what the test run has just built.</summary>
    public sealed class PackedFeed : IDisposable
    {
        public PackedFeed()
        {
            // bin/CONFIGURATION/net10.0/ is where this assembly runs: the same configuration has been built for the packages.
            string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            foreach (string package in Packages)
                Dotnet(RepositoryRoot, "pack", Path.Combine("src", package), "-c", configuration, "--no-build", "-o", Folder);
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("tuna-feed").FullName;

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
