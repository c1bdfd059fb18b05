using System.Text.RegularExpressions;
using TorchSharp;

namespace Tuna.Llama.Runtime;

/// <summary>What is said when libtorch or a device is not there: one or two sentences that name the reason and what to do.</summary>
internal static partial class LoadFailure
{
    private const string Packages = "TorchSharp-cpu (TorchSharp-cuda-linux or TorchSharp-cuda-windows for NVIDIA GPUs) "
        + NativeVersions.TorchSharp;

    public const string NoPackage =
        "No libtorch was found. An application references the package " + Packages + "; or name a folder with libtorch "
            + NativeVersions.Libtorch
        + " (a NuGet package's, or torch/lib of a PyTorch installation) in " + NativeFolders.Variable + ".";

    public const string NoTorchSharp =
        "TorchSharp's native library is not beside the program. Reference the package TorchSharp " + NativeVersions.TorchSharp
        + " from the application itself; it has one for Linux x64, Windows and macOS on Apple silicon.";

    public static string NotInFolder(string folder) =>
        $"'{folder}' has no {NativeFolders.FileName("torch_cpu")}. Name the folder of a libtorch {NativeVersions.Libtorch}: a NuGet "
            + $"package's, or torch/lib of a PyTorch installation.";

    public static string OtherVersion(string folder, string version) =>
        $"{folder} holds libtorch {version}; TorchSharp {NativeVersions.TorchSharp} needs {NativeVersions.Libtorch}. Reference "
            + $"{Packages}, or name a PyTorch {NativeVersions.Libtorch}.";

    public static TorchUnavailableException Refused(string path, Exception refusal)
    {
        string sentence = LoaderSentence(refusal);
        return new($"{path} is there, but the system's loader refuses it: {sentence.TrimEnd('.')}. {Advice(sentence)}", refusal);
    }

    public static TorchUnavailableException NoCopy(string original, Exception refusal, Exception e) => new(
        $"{original} is there, but the system's loader refuses it: {LoaderSentence(refusal).TrimEnd('.')}. A copy without that demand "
            + $"could not be made: {e.Message} "
        + "Set XDG_CACHE_HOME to a folder that can be written to, or use a system with libstdc++ of GCC 13 (Ubuntu 24.04, Debian 13, "
            + "Fedora 39).",
        e);

    /// <summary>There is no GPU for libtorch: because it is the CPU's build, or because the driver shows none.</summary>
    public static string NoGpu(string device, string? libtorch) =>
        libtorch is null || File.Exists(Path.Combine(libtorch, NativeFolders.FileName("torch_cuda")))
            ? $"The device is '{device}', but libtorch finds no GPU. Check that the NVIDIA driver works (nvidia-smi) and is new enough "
                + $"for CUDA 12.8, and CUDA_VISIBLE_DEVICES."
            : $"The device is '{device}', but this libtorch is the CPU's. Reference TorchSharp-cuda-linux or TorchSharp-cuda-windows "
                + $"{NativeVersions.TorchSharp} in place of TorchSharp-cpu.";

    /// <summary>What TorchSharp's own failure comes down to, wherever it stands in the chain.</summary>
    public static TorchUnavailableException Of(Exception e)
    {
        Exception inner = e;
        while (inner is TypeInitializationException && inner.InnerException is { } next)
            inner = next;
        string sentence = LoaderSentence(inner);
        return new($"TorchSharp cannot use its native library: {sentence.TrimEnd('.')}. {Advice(sentence)}", e);
    }

    /// <summary>The system's own words in .NET's message: the first line that is not .NET's, or of what TorchSharp says before its
    /// trace.</summary>
    public static string LoaderSentence(Exception refusal)
    {
        string[] lines = refusal.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // .NET tells each name it tried; a version or a symbol is a better reason than a name that it made up and did not find.
        return lines.FirstOrDefault(l => ReasonPattern().IsMatch(l))
            ?? lines.FirstOrDefault(l => !l.StartsWith("Unable to load", StringComparison.Ordinal))
            ?? lines.FirstOrDefault()
            ?? refusal.GetType().Name;
    }

    /// <summary>What to install, by the loader's sentence.</summary>
    public static string Advice(string sentence)
    {
        if (VersionPattern().Match(sentence) is { Success: true } version)
        {
            return version.Groups[1].Value == "GLIBC"
                ? "It needs glibc 2.34 or newer: Ubuntu 22.04, Debian 12, Fedora 35 or later."
                : "It needs libstdc++ of GCC 13 or newer: Ubuntu 24.04, Debian 13, Fedora 39 or later"
                    + (sentence.Contains(NativeCopy.Version, StringComparison.Ordinal)
                        ? $"; with GCC 12's, allow Tuna's own copy (no {NativeCopy.Variable}=0)." : ".");
        }

        if (MissingPattern().Match(sentence) is { Success: true } missing)
        {
            string library = missing.Groups[1].Value;
            return library switch
            {
                _ when library.StartsWith("libgomp", StringComparison.Ordinal) => "Install libgomp (Debian and Ubuntu: libgomp1).",
                _ when library.StartsWith("libstdc++", StringComparison.Ordinal) => "Install libstdc++ (Debian and Ubuntu: libstdc++6).",
                _ when library.StartsWith("libcu", StringComparison.Ordinal) || library.StartsWith("libnv", StringComparison.Ordinal) =>
                    $"{library} is part of CUDA: reference TorchSharp-cuda-linux {NativeVersions.TorchSharp}, or a whole PyTorch "
                        + $"installation.",
                _ when library.Contains("torch", StringComparison.Ordinal) || library.StartsWith("libc10", StringComparison.Ordinal) =>
                    $"libtorch is not whole: reference {Packages}, or another folder.",
                _ => $"Install {library}.",
            };
        }

        if (sentence.Contains("ld-linux", StringComparison.Ordinal) || sentence.Contains("Error relocating", StringComparison.Ordinal))
            return "libtorch needs glibc; Alpine and other systems on musl do not have it.";
        if (sentence.Contains("undefined symbol", StringComparison.Ordinal)
            || sentence.Contains("Symbol not found", StringComparison.Ordinal))
            return $"libtorch is of another version: TorchSharp {NativeVersions.TorchSharp} needs {NativeVersions.Libtorch}.";
        return OperatingSystem.IsWindows()
            ? $"Install the Visual C++ Redistributable 2015-2022 (x64). TorchSharp {NativeVersions.TorchSharp} itself fails on some "
                + $"Windows machines: dotnet/TorchSharp issue 1567."
            : $"Reference {Packages}; the README of Tuna.Llama says what each system needs.";
    }

    /// <summary>TorchSharp reports a missing library in several ways, wrapped in a type initializer's exception or not.</summary>
    public static bool IsMissingLibrary(Exception e) =>
        e is NotSupportedException or DllNotFoundException or EntryPointNotFoundException or BadImageFormatException
        || (e is TypeInitializationException && e.InnerException is { } inner && IsMissingLibrary(inner));

    [GeneratedRegex("version `(GLIBC|GLIBCXX|CXXABI)_([0-9.]+)' not found")]
    private static partial Regex VersionPattern();

    [GeneratedRegex(@"([^\s/:]+\.so[0-9.]*): cannot open shared object file")]
    private static partial Regex MissingPattern();

    [GeneratedRegex(
        "version `|undefined symbol|Symbol not found|Error relocating|invalid ELF|file too short|wrong ELF class|cannot open shared "
        + "object|0x8007")]
    private static partial Regex ReasonPattern();
}
