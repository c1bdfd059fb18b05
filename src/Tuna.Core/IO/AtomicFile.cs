namespace Tuna.IO;

/// <summary>A file that appears under its name complete or not at all: written beside under another name, flushed to the disk, then
/// renamed.</summary>
/// <remarks>
/// Disposed without <see cref="Complete"/>, it leaves what was there before. One process at a time writes a name (<see cref="FileLock"/>);
/// another one is refused before it has written anything. What a killed process left is removed by the next writer of the same name. Used
/// by one thread.
/// </remarks>
public sealed class AtomicFile : IDisposable
{
    /// <summary>What is appended to the name of a file or folder that is being written. What carries it was left by a killed process and
    /// may be deleted.</summary>
    public const string PartialSuffix = ".partial";

    private readonly string _path;
    private readonly string _partial;
    private readonly FileLock _lock;
    private bool _done;

    /// <summary>Creates the file beside its final name.</summary>
    /// <param name="path">The file to appear; its folder is created when it is missing.</param>
    /// <param name="bufferSize">Bytes that <see cref="Stream"/> gathers before it writes; 0 for none.</param>
    /// <exception cref="FileInUseException">Somebody else is writing it.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public AtomicFile(string path, int bufferSize = 1 << 16)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SpecialFile.Refuse(path);
        if (Directory.Exists(path))
            throw new IOException($"{path} is a folder; name the file to write.");
        _path = Path.GetFullPath(path);
        _partial = Leftovers.PartialOf(_path);
        _lock = FileLock.Acquire(_path);
        try
        {
            Leftovers.Remove(_path);
            Stream = new FileStream(_partial, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize);
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Where the content goes.</summary>
    public FileStream Stream { get; }

    /// <summary>Flushes the content to the disk and gives the file its name, in place of an existing one.</summary>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(_partial, _path, overwrite: true);
        _done = true;
        _lock.Dispose();
    }

    /// <summary>Without <see cref="Complete"/>: deletes the unfinished file.</summary>
    public void Dispose()
    {
        if (_done)
            return;
        _done = true;
        try
        {
            Discard();
        }
        finally
        {
            _lock.Dispose();
        }
    }

    /// <summary>Writes a file through a callback. When it throws, nothing changes.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var file = new AtomicFile(path);
        write(file.Stream);
        file.Complete();
    }

    /// <summary>Writes a file from bytes.</summary>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> content) => Write(path, stream => stream.Write(content.Span));

    /// <summary>Writes a file from text, in UTF-8 without a byte order mark.</summary>
    public static void WriteAllText(string path, string content) => WriteAllBytes(path, System.Text.Encoding.UTF8.GetBytes(content));

    private void Discard()
    {
        try
        {
            Stream.Dispose();
        }
        catch (IOException)
        {
            // Closing writes what is buffered, and a full disk refuses it; why the file is given up was said before.
        }
        finally
        {
            File.Delete(_partial);
        }
    }
}
