using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Xml.Linq;
using Tuna.Testing;

namespace Tuna.Package.Tests;

/// <summary>A package that is made of a clone of a hosted repository says where it came from, to the line.</summary>
public sealed class HostedPackageTests : IDisposable
{
    private const string Repository = "https://github.com/example/tuna";

    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        // Git's objects are read-only, which Windows does not delete.
        foreach (string file in Directory.EnumerateFiles(_folder.Root, "*", SearchOption.AllDirectories))
            File.SetAttributes(file, FileAttributes.Normal);
        _folder.Dispose();
    }

    [Fact]
    public void Pack_InAHostedClone_NamesRepositoryProjectAndSources()
    {
        string root = Path.GetDirectoryName(GoldenData.TestsFolder())!;
        foreach (string part in new[] { "src/Tuna.Core", "src/Shared", "docs/pictures" })
            Copy(Path.Combine(root, part), _folder[part]);
        // By name: .git is a file in a worktree, and would make this folder another face of the real repository.
        foreach (string file in new[] { "Directory.Build.props", "Directory.Packages.props", "BannedSymbols.txt", ".editorconfig",
            "src/Directory.Build.props", "src/Directory.Build.targets" })
            File.Copy(Path.Combine(root, file), _folder[file]);
        Assert.False(Path.Exists(_folder[".git"]));
        Run("git", "init", "--quiet");
        Run("git", "remote", "add", "origin", Repository + ".git");
        Run("git", "add", "--all");
        Run("git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false",
            "commit", "--quiet", "-m", "Copy");
        string commit = Run("git", "rev-parse", "HEAD").Trim();

        Run("dotnet", "pack", Path.Combine("src", "Tuna.Core"), "-c", "Release", "-o", "packages", "-p:RunAnalyzers=false");

        string package = Assert.Single(Directory.GetFiles(_folder["packages"], "*.nupkg"));
        using ZipArchive zip = ZipFile.OpenRead(package), symbols = ZipFile.OpenRead(Path.ChangeExtension(package, ".snupkg"));
        XElement metadata = PackageFile.Metadata(zip, "Tuna.Core");
        Assert.Equal(Repository, PackageFile.Value(metadata, "projectUrl"));
        XElement repository = metadata.Elements().Single(e => e.Name.LocalName == "repository");
        Assert.Equal(("git", Repository, commit), (repository.Attribute("type")!.Value,
            repository.Attribute("url")!.Value.Replace(".git", "", StringComparison.Ordinal), repository.Attribute("commit")!.Value));
        using var pdb = new MemoryStream();
        using (Stream stream = symbols.GetEntry("lib/net10.0/Tuna.Core.pdb")!.Open())
            stream.CopyTo(pdb);
        Assert.Contains($"https://raw.githubusercontent.com/example/tuna/{commit}/*", Encoding.UTF8.GetString(pdb.ToArray()),
            StringComparison.Ordinal);
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string inside = Path.GetRelativePath(from, file);
            if (inside.Split(Path.DirectorySeparatorChar)[0] is "bin" or "obj")
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, inside))!);
            File.Copy(file, Path.Combine(to, inside));
        }
    }

    private string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _folder.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Neither the test host's own settings of MSBuild nor a git hook's are this clone's.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
            || k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase) || k.StartsWith("GIT_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["GIT_DIR"] = _folder[".git"]; // no other repository, whatever lies around
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"{program} {arguments[0]} did not end.");
        Assert.True(process.ExitCode == 0,
            $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}{errors.Result}");
        return output.Result;
    }
}
