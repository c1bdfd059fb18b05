using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Tuna.Text;

namespace Tuna.IO;

/// <summary>The right to write one file or folder, held by one process (and one object in it) at a time.</summary>
/// <remarks>
/// The lock is a file of its own, <c>TARGET.lock</c>, opened for this process alone: the operating system enforces that (<c>flock</c> on
/// Unix, sharing on Windows) and lets go when the process ends, however it ends. So a lock file left by a killed process is stale, and is
/// simply taken over. The file says which process holds it, and goes away with the lock. Network file systems without locks cannot be
/// guarded. Disposing is thread-safe.
/// </remarks>
public sealed class FileLock : IDisposable
{
    /// <summary>What is appended to the name of what is guarded.</summary>
    public const string Suffix = ".lock";

    private const int SharingViolation = 32;
    private const int LockViolation = 33;
    private readonly FileStream _stream;

    private FileLock(string target, FileStream stream)
    {
        Target = target;
        _stream = stream;
    }

    /// <summary>What is guarded, as a full path.</summary>
    public string Target { get; }

    /// <summary>Takes the lock of a file or folder, which need not exist; its parent folder is created.</summary>
    /// <param name="target">What is to be written.</param>
    /// <exception cref="FileInUseException">Another process, or another object of this one, holds it.</exception>
    /// <exception cref="IOException">The lock file cannot be made: the disk is full or read-only, for example.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write there.</exception>
    public static FileLock Acquire(string target)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        return Acquire(target, target + Suffix);
    }

    /// <summary>Takes the lock of a folder with a lock file inside of it; the folder is created.</summary>
    internal static FileLock AcquireInside(string folder, string name)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return Acquire(folder, Path.Combine(folder, name + Suffix));
    }

    /// <summary>Gives the right back.</summary>
    // deletes the file before it unlocks it, so that nobody can hold a lock on a file that is gone
    public void Dispose() => _stream.Dispose();

    private static FileLock Acquire(string target, string file)
    {
        FileStream? stream = null;
        try
        {
            if (Path.GetDirectoryName(file) is { Length: > 0 } folder)
                Directory.CreateDirectory(folder);
            // On Unix only FileShare.None excludes anybody. Opening again where a holder has just deleted the file is .NET's part of
            // DeleteOnClose.
            stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0,
                FileOptions.DeleteOnClose);
            stream.SetLength(0);
            stream.Write(Encoding.UTF8.GetBytes(LockOwner.Describe()));
            return new FileLock(target, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream?.Dispose();
            if (e is IOException io && IsHeld(io))
                throw new FileInUseException(target, file, LockOwner.Read(file), e);
            string message = $"'{target}' cannot be written: {e.Message}";
            throw e is UnauthorizedAccessException ? new UnauthorizedAccessException(message, e) : new IOException(message, e);
        }
    }

    /// <summary>Whether an open failed because somebody else has the file, and not for any other reason.</summary>
    private static bool IsHeld(IOException e)
    {
        if (OperatingSystem.IsWindows())
            return (e.HResult & 0xFFFF) is SharingViolation or LockViolation;
        int wouldBlock = OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() ? 11 : 35; // EWOULDBLOCK; of BSD and macOS otherwise
        return e.HResult == wouldBlock;
    }
}

/// <summary>A file or folder is being written by somebody else.</summary>
public sealed class FileInUseException : IOException
{
    internal FileInUseException(string target, string lockFile, string? owner, Exception inner)
        : base(Sentence(target, lockFile, owner), inner)
    {
        Target = target;
        Owner = owner;
    }

    /// <summary>What is in use, as a full path.</summary>
    public string Target { get; }

    /// <summary>Who uses it, such as <c>process 4711 (tuna) on HOST since 2026-01-31 12:00:00Z</c>; null when that cannot be
    /// read.</summary>
    public string? Owner { get; }

    private static string Sentence(string target, string lockFile, string? owner) =>
        $"'{target}' is in use: {owner ?? "another process"} holds '{lockFile}'. Wait for it, stop it, or write to another place.";
}

/// <summary>What a lock file says about who holds it.</summary>
internal static class LockOwner
{
    private const int MaxLength = 256;

    public static string Describe() =>
        $"process {Environment.ProcessId} ({AppDomain.CurrentDomain.FriendlyName}) on {Environment.MachineName}";

    /// <summary>The content of a lock file that somebody holds, with the time it was taken; null when it cannot be had.</summary>
    public static string? Read(string file)
    {
        try
        {
            DateTime since = File.GetLastWriteTimeUtc(file);
            string text = ReadHeld(file);
            return text.Length == 0 ? null
                : string.Create(CultureInfo.InvariantCulture, $"{ForeignText.Shorten(text, MaxLength)} since {since:yyyy-MM-dd HH:mm:ss}Z");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException or EntryPointNotFoundException)
        {
            return null; // a courtesy: not knowing the holder is no reason to fail otherwise
        }
    }

    private static string ReadHeld(string file)
    {
        byte[] bytes = new byte[MaxLength];
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = OpenUnlocked(file);
        return Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(handle, bytes, 0));
    }

    // .NET locks whatever it opens on Unix, for reading too, and so cannot open what another process holds for itself; the system can.
    private static Microsoft.Win32.SafeHandles.SafeFileHandle OpenUnlocked(string file)
    {
        if (OperatingSystem.IsWindows())
            return File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        int descriptor = OpenReadOnly([.. Encoding.UTF8.GetBytes(file), 0], 0);
        return descriptor >= 0 ? new(descriptor, ownsHandle: true) : throw new IOException($"'{file}' cannot be opened.");
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OpenReadOnly(byte[] path, int flags);
}
