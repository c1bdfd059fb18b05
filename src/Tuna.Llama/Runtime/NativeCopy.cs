using System.Security.Cryptography;

namespace Tuna.Llama.Runtime;

/// <summary>
/// A copy of TorchSharp's native library that loads where libstdc++ is that of GCC 12 (Debian 12, Ubuntu 22.04). It stands in the user's
/// cache, in a folder named by the original's hash; the original and the folders beside it are never written to.
/// </summary>
internal static class NativeCopy
{
    /// <summary>Set to <c>0</c> to never make or load the copy.</summary>
    public const string Variable = "TUNA_NATIVE_COPY";

    /// <summary>Set to false to never make or load the copy.</summary>
    public const string Switch = "Tuna.Llama.NativeCopy";

    /// <summary>The one version that TorchSharp 0.107 asks for and does not use: an initializer that newer headers name.</summary>
    public const string Version = "GLIBCXX_3.4.32";

    private const string Library = "libstdc++.so.6";

    public static bool IsAllowed =>
        OperatingSystem.IsLinux()
        && Environment.GetEnvironmentVariable(Variable) != "0"
        && !(AppContext.TryGetSwitch(Switch, out bool allowed) && !allowed);

    /// <summary>Where the user's caches are: <c>XDG_CACHE_HOME</c>, or <c>.cache</c> in the home folder.</summary>
    public static string CacheRoot
    {
        get
        {
            // The specification says that a relative path is ignored.
            string? root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(root) || !Path.IsPathRooted(root))
                root = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile,
                    Environment.SpecialFolderOption.DoNotVerify), ".cache");
            return root;
        }
    }

    /// <summary>The path of the copy, written unless it is there with the right bytes.</summary>
    /// <param name="original">TorchSharp's native library.</param>
    /// <param name="cache">The folder for caches.</param>
    /// <exception cref="InvalidDataException">The original cannot be treated; see <see cref="WeakVersion.Mark"/>.</exception>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The cache cannot be written.</exception>
    public static string Ensure(string original, string cache)
    {
        byte[] bytes = File.ReadAllBytes(original);
        byte[] marked = WeakVersion.Mark(bytes, original, Library, Version);
        string folder = Path.Combine(cache, "tuna", "native", Convert.ToHexStringLower(SHA256.HashData(bytes)));
        string path = Path.Combine(folder, Path.GetFileName(original));
        if (Holds(path, marked))
            return path;
        CreatePrivate(folder);
        string partial = Path.Combine(folder, Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(partial, marked);
            File.Move(partial, path, overwrite: true); // atomic: another process sees no copy, or a whole one
        }
        finally
        {
            File.Delete(partial);
        }

        return path;
    }

    // What is loaded runs with the user's rights, so a file that is there already is compared byte by byte; it is 2 MB.
    private static bool Holds(string path, byte[] expected)
    {
        var file = new FileInfo(path);
        return file.Exists && file.Length == expected.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(expected);
    }

    private static void CreatePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
