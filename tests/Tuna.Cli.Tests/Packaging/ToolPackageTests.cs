using System.Diagnostics;
using Tuna.Package.Tests;
using Tuna.Testing;

namespace Tuna.Cli.Tests.Packaging;

/// <summary>What a user gets: the packed tool, installed into a folder of its own and run from there.</summary>
public sealed class ToolPackageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tool_PackedAndInstalled_RunsFromThePackage()
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name,
            root = Path.GetDirectoryName(GoldenData.TestsFolder())!;
        Run("dotnet", root, "pack", Path.Combine("src", "Tuna.Cli"), "-c", configuration, "--no-build", "-o", _folder["packages"]);
        string package = Assert.Single(Directory.GetFiles(_folder["packages"], "Tuna.Cli.*.nupkg"),
            p => !p.EndsWith(".snupkg", StringComparison.Ordinal));
        Assert.True(new FileInfo(package).Length < 40 << 20,
            $"The package has {new FileInfo(package).Length >> 20} MB: it must bring no libtorch.");
        PackageFile.RequireWellFormed(_folder["packages"], "Tuna.Cli", "tools/net10.0/any/tuna");
        string version = Path.GetFileNameWithoutExtension(package)["Tuna.Cli.".Length..];

        Run("dotnet", _folder.Root, "tool", "install", "Tuna.Cli", "--version", version, "--tool-path", _folder["tools"], "--source",
            _folder["packages"]);
        string tuna = Path.Combine(_folder["tools"], OperatingSystem.IsWindows() ? "tuna.exe" : "tuna");

        Assert.Contains("tuna recipe list", Run(tuna, _folder.Root, "--help"), StringComparison.Ordinal);
        Assert.Contains("tuna-c-prm", Run(tuna, _folder.Root, "recipe", "list"), StringComparison.Ordinal); // the recipes came along
        Assert.Contains("parameters", Run(tuna, _folder.Root, "new", "--out", "base", "--size", "nano"), StringComparison.Ordinal);
    }

    /// <summary>The TorchSharp engine's package, and its README's example in a project that restores it.</summary>
    [Fact]
    public void TorchEngine_Packed_CompilesItsExample()
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name,
            root = Path.GetDirectoryName(GoldenData.TestsFolder())!, consumer = Directory.CreateDirectory(_folder["consumer"]).FullName;
        foreach (string library in new[] { "Tuna.Core", "Tuna.Models", "Tuna.Llama" })
            Run("dotnet", root, "pack", Path.Combine("src", library), "-c", configuration, "--no-build", "-o", _folder["packages"]);
        PackageFile.RequireWellFormed(_folder["packages"], "Tuna.Llama", "lib/net10.0/Tuna.Llama");
        string package = Assert.Single(Directory.GetFiles(_folder["packages"], "Tuna.Llama.?.?.?.nupkg"));
        File.WriteAllText(Path.Combine(consumer, "Consumer.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
                <RestoreAdditionalProjectSources>{_folder["packages"]}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{_folder["cache"]}</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Tuna.Llama" Version="{Path.GetFileNameWithoutExtension(package)["Tuna.Llama.".Length..]}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllLines(Path.Combine(consumer, "Program.cs"), File.ReadLines(Path.Combine(root, "src", "Tuna.Llama", "README.md"))
            .SkipWhile(line => line != "```csharp").Skip(1).TakeWhile(line => line != "```"));
        Run("dotnet", consumer, "build", "-c", "Release");
    }

    private string Run(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The test host's own MSBuild settings are not the user's; neither is the user's package cache the test's.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
            || k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        if (arguments is ["tool", ..])
            start.Environment["NUGET_PACKAGES"] = _folder["cache"];
        start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath!);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"{program} {arguments[0]} did not end.");
        Assert.True(process.ExitCode == 0,
            $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}{errors.Result}");
        return output.Result;
    }
}
