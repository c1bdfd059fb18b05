using Microsoft.Win32.SafeHandles;

namespace Tuna.IO;

/// <summary>Folders that appear complete or not at all: filled beside under another name, flushed to the disk, then renamed.</summary>
/// <remarks>One process at a time writes a folder (<see cref="FileLock"/>). What a killed process left beside it is removed by the next
/// writer of the same name.</remarks>
public static class AtomicFolder
{
    /// <summary>Fills a new folder through a callback.</summary>
    /// <param name="folder">The folder to appear. An existing one is replaced; its parent is created.</param>
    /// <param name="fill">Writes the files into the existing empty folder that it is given. When it throws, nothing changes.</param>
    /// <exception cref="FileInUseException">Somebody else is writing the folder.</exception>
    public static void Write(string folder, Action<string> fill)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        using FileLock held = FileLock.Acquire(folder);
        Write(held, fill);
    }

    /// <summary>Fills a new folder whose lock the caller has held since before the work began that ends with it.</summary>
    /// <param name="held">The lock of the folder to appear; it stays held.</param>
    /// <param name="fill">Writes the files into the existing empty folder that it is given. When it throws, nothing changes.</param>
    public static void Write(FileLock held, Action<string> fill)
    {
        ArgumentNullException.ThrowIfNull(held);
        ArgumentNullException.ThrowIfNull(fill);
        string folder = held.Target, partial = Leftovers.PartialOf(folder), old = Leftovers.OldOf(folder);
        RemoveLeftovers(held);
        Directory.CreateDirectory(partial);
        try
        {
            fill(partial);
            foreach (string file in Directory.EnumerateFiles(partial, "*", SearchOption.AllDirectories))
                FlushToDisk(file);
            // A folder cannot be renamed over another. Between the two moves the folder is missing, which a reader takes as "not written
            // yet"; a kill there is mended by the next writer.
            if (Directory.Exists(folder))
                Directory.Move(folder, old);
            Directory.Move(partial, folder);
            DeleteIfThere(old);
        }
        catch
        {
            DeleteIfThere(partial);
            throw;
        }
    }

    /// <summary>Removes what killed writers of a folder left beside it, and brings back the folder where one was killed while replacing
    /// it.</summary>
    /// <param name="held">The lock of the folder.</param>
    public static void RemoveLeftovers(FileLock held)
    {
        ArgumentNullException.ThrowIfNull(held);
        string old = Leftovers.OldOf(held.Target);
        if (!Directory.Exists(held.Target) && Directory.Exists(old))
            Directory.Move(old, held.Target);
        Leftovers.Remove(held.Target);
    }

    /// <summary>Deletes a folder so that no half-deleted one is ever seen under its name.</summary>
    public static void Delete(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        // Not the name of one that is being replaced: that one comes back when its writer is killed, this one must not.
        string gone = Leftovers.PartialOf(folder);
        DeleteIfThere(gone);
        Directory.Move(folder, gone);
        Directory.Delete(gone, recursive: true);
    }

    private static void DeleteIfThere(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    private static void FlushToDisk(string file)
    {
        using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }
}
