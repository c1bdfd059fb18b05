namespace Tuna.IO;

/// <summary>Pipes and devices under the name of a file: opening one may wait without end, a second reading finds nothing, and a result that
/// is renamed to its name would replace it. Compiled into every library that opens files by names it was given.</summary>
internal static class SpecialFile
{
    /// <summary>Refuses a pipe or a device. A regular file passes, also an empty one, and a name that nothing has.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It is a pipe or a device, or a link that leads in a circle.</exception>
    public static void Refuse(string path)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path) || HasContent(path))
            return;
        try
        {
            // Opened for both, a pipe does not wait for its other end.
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 0);
            if (file.CanSeek && !IsDevice(path))
                return;
        }
        catch (UnauthorizedAccessException)
        {
            return; // whoever opens it to read says what is wrong
        }

        throw new IOException($"{path} is a pipe or a device, not a file. Write its content into a file, and name that.");
    }

    // The length of a file that a link leads to; a pipe's and a device's is 0.
    private static bool HasContent(string path)
    {
        var file = new FileInfo(path);
        return (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target : file) is { Exists: true, Length: > 0 };
    }

    // Some devices can be sought. /dev/shm holds files in memory.
    private static bool IsDevice(string path) => Path.GetFullPath(path) is var full && full.StartsWith("/dev/", StringComparison.Ordinal)
        && !full.StartsWith("/dev/shm/", StringComparison.Ordinal);
}
