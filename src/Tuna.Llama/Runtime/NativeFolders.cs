using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Tuna.Llama.Runtime;

/// <summary>Where libtorch and TorchSharp's native library may stand, and what they are called on this system.</summary>
internal static partial class NativeFolders
{
    /// <summary>A folder with libtorch, ahead of all others.</summary>
    public const string Variable = "TUNA_LIBTORCH";

    /// <summary>What the host sets to NuGet's folder of packages where it is not the usual one.</summary>
    public const string PackagesKey = "Tuna.Llama.Packages";

    private static string Rid => (OperatingSystem.IsWindows() ? "win-" : OperatingSystem.IsMacOS() ? "osx-" : "linux-")
        + (RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64");

    /// <summary>A library's file name here: <c>libtorch.so</c>, <c>libtorch.dylib</c> or <c>torch.dll</c>.</summary>
    public static string FileName(string library) =>
        OperatingSystem.IsWindows() ? library + ".dll" : "lib" + library + (OperatingSystem.IsMacOS() ? ".dylib" : ".so");

    /// <summary>The folder that has libtorch, or null: beside the program, else NuGet's folder of packages, as TorchSharp itself looks, but
    /// without copying from there.</summary>
    public static string? FindLibtorch() =>
        Application().Append(Package($"libtorch-cpu-{Rid}", NativeVersions.Libtorch)).FirstOrDefault(HasLibtorch);

    /// <summary>TorchSharp's native library, or null.</summary>
    public static string? FindTorchSharp() =>
        Application().Append(Package("torchsharp", NativeVersions.TorchSharp)).Select(f => Path.Combine(f, FileName("LibTorchSharp")))
            .FirstOrDefault(File.Exists);

    /// <summary>The folder with the libraries in what a user may name: itself, a NuGet package, a PyTorch installation, or an unpacked
    /// libtorch.</summary>
    /// <returns>Null if there is no libtorch in it.</returns>
    public static string? Within(string folder)
    {
        string native = Path.Combine("runtimes", Rid, "native");
        string[] candidates = ["", "lib", Path.Combine("torch", "lib"), native, Path.Combine(NativeVersions.Libtorch, native)];
        return candidates.Select(c => Path.Combine(folder, c)).FirstOrDefault(HasLibtorch);
    }

    /// <summary>The version that stands beside a libtorch or in its path, or null: PyTorch's <c>version.py</c>, libtorch's
    /// <c>build-version</c>, a NuGet package's folder.</summary>
    public static string? VersionOf(string libraries)
    {
        string full = Path.GetFullPath(libraries).TrimEnd(Path.DirectorySeparatorChar);
        string? above = Path.GetDirectoryName(full);
        if (above is not null && File.Exists(Path.Combine(above, "version.py")))
            return PythonVersion().Match(File.ReadAllText(Path.Combine(above, "version.py"))) is { Success: true } match
                ? match.Groups[1].Value : null;
        if (above is not null && File.Exists(Path.Combine(above, "build-version")))
            return File.ReadAllText(Path.Combine(above, "build-version")).Trim();
        return PackageVersion().Match(full.Replace('\\', '/')) is { Success: true } package ? package.Groups[1].Value : null;
    }

    private static bool HasLibtorch(string folder) => File.Exists(Path.Combine(folder, FileName("torch_cpu")));

    private static IEnumerable<string> Application()
    {
        string native = Path.Combine("runtimes", Rid, "native");
        string search = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string torchSharp = Path.GetDirectoryName(typeof(torch).Assembly.Location) ?? "";
        return search.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Concat([AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, native), torchSharp,
                Path.Combine(torchSharp, native)]);
    }

    private static string Package(string id, string version)
    {
        string? root = Environment.GetEnvironmentVariable("NUGET_PACKAGES");
        if (string.IsNullOrEmpty(root))
            root = AppContext.GetData(PackagesKey) as string;
        if (string.IsNullOrEmpty(root))
            root = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile,
                Environment.SpecialFolderOption.DoNotVerify), ".nuget", "packages");
        return Path.Combine(root, id, version, "runtimes", Rid, "native");
    }

    [GeneratedRegex("""^__version__\s*=\s*['"]([^'"]+)['"]""", RegexOptions.Multiline)]
    private static partial Regex PythonVersion();

    [GeneratedRegex("/libtorch-[a-z0-9.-]+/([0-9]+[.][0-9]+[.][0-9]+)[^/]*/runtimes/[^/]+/native$", RegexOptions.IgnoreCase)]
    private static partial Regex PackageVersion();
}
