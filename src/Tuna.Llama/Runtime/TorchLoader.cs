using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Tuna.Llama.Runtime;

/// <summary>Loads libtorch and TorchSharp's native library before TorchSharp looks for them; it then finds them by name.</summary>
/// <remarks>A process loads one libtorch, once; that is the operating system's state, not ours, and is read from there.</remarks>
internal static class TorchLoader
{
    private static readonly Lock s_gate = new();
    private static bool s_loaded;

    /// <summary>Loads, unless it is done.</summary>
    /// <param name="named">A folder that a user named, or null.</param>
    /// <exception cref="TorchUnavailableException">What is missing, is refused or does not fit.</exception>
    public static void Load(string? named)
    {
        lock (s_gate)
        {
            string? wanted = named is null ? null : Named(named);
            string? loaded = s_loaded || wanted is not null ? LoadedFolder() : null;
            if (wanted is not null && loaded is not null && !Same(wanted, loaded))
                throw new InvalidOperationException(
                    $"libtorch is loaded already, from {loaded}. Name another folder before the first use of Tuna.Llama or TorchSharp.");
            if (s_loaded)
                return;
            LoadFrom(wanted);
            s_loaded = true;
        }
    }

    /// <summary>The folder of the libtorch in this process, or null.</summary>
    public static string? LoadedFolder() => Path.GetDirectoryName(LoadedModule("torch_cpu"));

    private static void LoadFrom(string? wanted)
    {
        if (LoadedModule("LibTorchSharp") is not null)
            return; // the application has used TorchSharp already, or loaded the library itself
        string? environment = Environment.GetEnvironmentVariable(NativeFolders.Variable);
        if (wanted is null && !string.IsNullOrEmpty(environment))
            wanted = Named(environment);
        string folder = LoadedFolder() ?? wanted ?? NativeFolders.FindLibtorch()
            ?? throw new TorchUnavailableException(LoadFailure.NoPackage);
        string torchSharp = NativeFolders.FindTorchSharp() ?? throw new TorchUnavailableException(LoadFailure.NoTorchSharp);
        Preload(folder);
        RequireVersion(folder, RunningVersion(folder));
        LoadTorchSharp(torchSharp);
    }

    /// <summary>Each by full path, those that others need first: TorchSharp's library may stand in another folder.</summary>
    private static void Preload(string folder)
    {
        IEnumerable<string> openMP = OperatingSystem.IsLinux()
            ? Directory.EnumerateFiles(folder, "libgomp*.so*").Order(StringComparer.Ordinal) : [];
        IEnumerable<string> libraries = ((string[])["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"])
            .Select(l => Path.Combine(folder, NativeFolders.FileName(l)))
            .Where(File.Exists);
        foreach (string path in openMP.Concat(libraries))
            TryLoad(path, e => throw LoadFailure.Refused(path, e));
    }

    private static void LoadTorchSharp(string original) => TryLoad(original, refusal =>
    {
        if (!LoadFailure.LoaderSentence(refusal).Contains(NativeCopy.Version, StringComparison.Ordinal) || !NativeCopy.IsAllowed)
            throw LoadFailure.Refused(original, refusal);
        string copy;
        try
        {
            copy = NativeCopy.Ensure(original, NativeCopy.CacheRoot);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw LoadFailure.NoCopy(original, refusal, e);
        }

        TryLoad(copy, e => throw LoadFailure.Refused(copy, e));
    });

    private static void TryLoad(string path, Action<Exception> refused)
    {
        try
        {
            NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            refused(e);
        }
    }

    private static string Named(string folder)
    {
        string libraries = NativeFolders.Within(folder) ?? throw new TorchUnavailableException(LoadFailure.NotInFolder(folder));
        RequireVersion(libraries, NativeFolders.VersionOf(libraries));
        return libraries;
    }

    /// <summary>A wrong version would end the process, at the first call or much later.</summary>
    private static void RequireVersion(string folder, string? version)
    {
        Version needed = Version.Parse(NativeVersions.Libtorch);
        if (version is not null && Version.TryParse(version.Split('+', '-', 'a', 'r')[0], out Version? found)
            && (found.Major, found.Minor) != (needed.Major, needed.Minor))
            throw new TorchUnavailableException(LoadFailure.OtherVersion(folder, version));
    }

    /// <summary>What the loaded libtorch says of itself: major, minor and patch in the upper three bytes. Versions before 2.9 do not say
    /// it.</summary>
    private static unsafe string RunningVersion(string folder)
    {
        IntPtr library = NativeLibrary.Load(Path.Combine(folder, NativeFolders.FileName("torch_cpu")));
        if (!NativeLibrary.TryGetExport(library, "aoti_torch_abi_version", out IntPtr function))
            throw new TorchUnavailableException(LoadFailure.OtherVersion(folder, NativeFolders.VersionOf(folder) ?? "older than 2.9"));
        ulong version = ((delegate* unmanaged<ulong>)function)();
        return new Version((int)(version >> 56), (int)(version >> 48) & 0xff, (int)(version >> 40) & 0xff).ToString();
    }

    private static string? LoadedModule(string library)
    {
        string file = NativeFolders.FileName(library);
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Select(m => m.FileName)
            .FirstOrDefault(f => string.Equals(Path.GetFileName(f), file, StringComparison.OrdinalIgnoreCase));
    }

    private static bool Same(string one, string other) => Real(one) == Real(other);

    private static string Real(string folder)
    {
        string path = Path.Combine(Path.GetFullPath(folder), NativeFolders.FileName("torch_cpu"));
        return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
    }
}
