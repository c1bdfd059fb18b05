using System.Diagnostics;
using Tuna.Testing;

namespace Tuna.Package.Tests;

/// <summary>What a user gets: packages that are well formed, and empty projects that restore them, run the README's first snippet and
/// compile every package's.</summary>
public sealed class ConsumerTests : IClassFixture<ConsumerTests.PackedFeed>
{
    private static readonly string[] Packages =
        ["Tuna.Core", "Tuna.Data", "Tuna.Models", "Tuna.Losses", "Tuna.Chat", "Tuna.Rankers", "Tuna.Tokenizers", "Tuna.Llama.Managed",
        "Tuna.Distributed", "Tuna.Evaluation", "Tuna.Evaluators"];

    private const string AddPackage = "dotnet add package ";

    private readonly PackedFeed _feed;

    public ConsumerTests(PackedFeed feed) => _feed = feed;

    [Fact]
    public void Pack_OfEveryPackage_IsWellFormed()
    {
        foreach (string package in Packages)
            PackageFile.RequireWellFormed(_feed.Folder, package, $"lib/net10.0/{package}");
    }

    [Fact]
    public void Consumer_InAnEmptyFolder_RunsTheReadmesTenLinesWithThePackagesItNames()
    {
        string readme = Path.Combine(RepositoryRoot, "README.md"), snippet = Snippet(readme);
        string[] named = [.. File.ReadLines(readme).Where(line => line.StartsWith(AddPackage, StringComparison.Ordinal))
            .Select(line => line[AddPackage.Length..].Trim())];
        Assert.InRange(named.Length, 1, 4);
        // About ten: statements, not counting what opens namespaces.
        Assert.InRange(snippet.Split('\n')
            .Count(line => line.EndsWith(';') && !line.StartsWith("using Tuna.", StringComparison.Ordinal)), 8, 12);
        string folder = Directory.CreateTempSubdirectory("tuna-consumer").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "Consumer.csproj"), Project("Exe", folder, named));
            File.WriteAllText(Path.Combine(folder, "Program.cs"), snippet);
            string output = Dotnet(folder, "run", "-c", "Release");
            Assert.Contains("Tuna.", output, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(folder, "tuned", "model.safetensors")), "The first snippet saves its model.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The packages' own examples, each as a method.</summary>
    [Fact]
    public void Consumer_OfEveryPackage_CompilesItsExample()
    {
        string folder = Directory.CreateTempSubdirectory("tuna-consumer").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "Examples.csproj"), Project("Library", folder, Packages));
            foreach (string package in Packages)
                File.WriteAllText(Path.Combine(folder, package + ".cs"),
                    AsMethod(package, Snippet(Path.Combine(RepositoryRoot, "src", package, "README.md"))));
            Dotnet(folder, "build", "-c", "Release");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string Project(string kind, string folder, IEnumerable<string> packages)
    {
        string version = Path.GetFileNameWithoutExtension(Directory.GetFiles(_feed.Folder, "Tuna.Core.?.?.?.nupkg")
            .Single())["Tuna.Core.".Length..];
        return $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>{kind}</OutputType>
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
                {string.Join("\n                ", packages.Select(p => $"<PackageReference Include=\"{p}\" Version=\"{version}\" />"))}
              </ItemGroup>
            </Project>
            """;
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
