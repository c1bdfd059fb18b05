using Tuna.Llama.Runtime;
using Tuna.Testing;

namespace Tuna.Llama.Tests.Runtime;

/// <summary>Loading in processes of their own, and what is said when it fails.</summary>
public class TorchLoaderTests
{
    private static readonly string s_libtorch = TorchLoader.LoadedFolder()!;

    [Fact]
    public void LibtorchVersion_IsTheOneTorchSharpIsBuiltFor() => Assert.Equal(TorchRuntime.LibtorchVersion + ".0", torch.__version__);

    [Fact]
    public void OpenDevice_InAFreshProcess_LoadsLibtorch() => Assert.Equal((true, "cpu"), Open([]));

    [SkippableFact]
    public void OpenDevice_WithoutLibtorch_SaysWhichPackageToAdd()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "libtorch stands beside the tests on this system.");
        using var empty = new TempFolder();
        string said = Refusal(new() { ["NUGET_PACKAGES"] = empty.Root });
        Assert.Contains("No libtorch was found. An application references the package TorchSharp-cpu", said, StringComparison.Ordinal);
        Assert.Contains(TorchRuntime.PackageVersion, said, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenDevice_FolderOfAPyTorchInstallation_IsTaken()
    {
        using var python = new TempFolder();
        PyTorch(python, "2.10.0+cpu");
        Assert.Equal((true, "cpu"), Open(new() { [NativeFolders.Variable] = python["torch"] }));
    }

    [Fact]
    public void OpenDevice_LibraryThatIsNone_SaysWhatTheLoaderSaid()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder[NativeFolders.FileName("torch_cpu")], "text");
        string said = Refusal(new() { [NativeFolders.Variable] = folder.Root });
        Assert.Contains(folder[NativeFolders.FileName("torch_cpu")], said, StringComparison.Ordinal);
        Assert.Contains("refuses it", said, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux())
            Assert.Contains("file too short", said, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenDevice_CopySwitchedOff_WorksOrSaysWhichVersionIsMissing()
    {
        (bool success, string said) = Open(new() { [NativeCopy.Variable] = "0" });
        Assert.True(success || said.Contains($"version `{NativeCopy.Version}' not found", StringComparison.Ordinal), said);
        Assert.True(success || said.Contains("GCC 13", StringComparison.Ordinal), said);
    }

    [Fact]
    public void UseLibtorch_AnotherVersion_IsRefusedBeforeItIsLoaded()
    {
        using var python = new TempFolder();
        PyTorch(python, "2.7.1+cu128");
        string said = Assert.Throws<TorchUnavailableException>(() => TorchRuntime.UseLibtorch(python["torch"])).Message;
        Assert.Contains("holds libtorch 2.7.1+cu128; TorchSharp 0.107.0 needs 2.10.0", said, StringComparison.Ordinal);
    }

    [Fact]
    public void UseLibtorch_FolderWithout_NamesItAndWhatIsLookedFor()
    {
        using var folder = new TempFolder();
        string said = Assert.Throws<TorchUnavailableException>(() => TorchRuntime.UseLibtorch(folder.Root)).Message;
        Assert.Contains($"'{folder.Root}' has no {NativeFolders.FileName("torch_cpu")}", said, StringComparison.Ordinal);
    }

    [Fact]
    public void UseLibtorch_AfterLoading_TakesTheSameFolderOnly()
    {
        TorchRuntime.UseLibtorch(s_libtorch);
        using var other = new TempFolder();
        File.WriteAllText(other[NativeFolders.FileName("torch_cpu")], "");
        Assert.Contains(s_libtorch, Assert.Throws<InvalidOperationException>(() => TorchRuntime.UseLibtorch(other.Root)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("torch/version.py", "__version__ = '2.10.0+cu128'\ndebug = False\n", "torch/lib", "2.10.0+cu128")]
    [InlineData("libtorch/build-version", "2.10.0+cpu\n", "libtorch/lib", "2.10.0+cpu")]
    [InlineData("x", "", "libtorch-cpu-linux-x64/2.7.1/runtimes/linux-x64/native", "2.7.1")]
    [InlineData("x", "", "app/runtimes/linux-x64/native", null)]
    public void VersionOf_WhatStandsBesideALibtorch(string file, string text, string libraries, string? expected)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder[libraries]);
        File.WriteAllText(folder[file], text);
        Assert.Equal(expected, NativeFolders.VersionOf(folder[libraries]));
    }

    private static void PyTorch(TempFolder folder, string version)
    {
        Directory.CreateDirectory(folder["torch", "lib"]);
        foreach (string library in Directory.EnumerateFiles(s_libtorch))
            File.CreateSymbolicLink(folder["torch", "lib", Path.GetFileName(library)], library);
        File.WriteAllText(folder["torch", "version.py"], $"__version__ = '{version}'\n");
    }

    private static string Refusal(Dictionary<string, string?> environment)
    {
        (bool success, string output) = Open(environment);
        Assert.False(success, output);
        Assert.True(output.Length < 600 && !output.Contains("LoadNativeBackend", StringComparison.Ordinal), output);
        return output;
    }

    private static (bool Success, string Output) Open(Dictionary<string, string?> environment) =>
        LoaderProgram.Finish(LoaderProgram.Start(environment, "open", "cpu"));
}
