using Tuna.Policies;

namespace Tuna.Models.Checkpoints;

/// <summary>Where an engine writes the files of a model and of its training state: a folder, or memory, from which they are written to a
/// folder later, while the model goes on.</summary>
/// <remarks>A file is complete or not there. Used by one thread at a time.</remarks>
public sealed class CheckpointFiles : IStateCopy
{
    private readonly string? _folder; // null in memory
    private readonly CopyMemory _memory;
    private readonly bool _ownsMemory;
    private readonly List<MemoryFile> _files = [];
    private long _room;
    private bool _disposed;

    private CheckpointFiles(string? folder, long room, CopyMemory? memory) =>
        (_folder, _room, _memory, _ownsMemory) = (folder, room, memory ?? new CopyMemory(), memory is null);

    /// <summary>Files in an existing folder.</summary>
    public static CheckpointFiles InFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new(folder, long.MaxValue, null);
    }

    /// <summary>Files in memory, outside the collected heap.</summary>
    /// <param name="room">Most bytes of all of them. A larger one meets <see cref="InsufficientMemoryException"/> before anything of it is
    /// written.</param>
    public static CheckpointFiles InMemory(long room) => InMemory(room, null);

    /// <summary>Files in memory of somebody else's, which gets it back.</summary>
    internal static CheckpointFiles InMemory(long room, CopyMemory? memory)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(room);
        return new(null, room, memory);
    }

    /// <summary>Begins a safetensors file; it is there once the writer is complete.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tensors">What will be written, in any order.</param>
    /// <param name="metadata">The header's <c>__metadata__</c>, or null for none.</param>
    /// <exception cref="InsufficientMemoryException">Memory has no room for it.</exception>
    public SafetensorsWriter Open(string name, IEnumerable<TensorSpec> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new SafetensorsWriter(Where(name), length => Create(name, length), tensors, metadata);
    }

    /// <summary>Writes a file.</summary>
    /// <exception cref="InsufficientMemoryException">Memory has no room for it.</exception>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using IPlacedFile file = Create(name, content.Length);
        file.Write(content, 0);
        file.Complete();
    }

    /// <summary>Writes the files that are in memory into an existing folder.</summary>
    public void Save(string folder)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        foreach (MemoryFile file in _files)
            file.Save(folder);
    }

    /// <summary>Frees the files that are in memory.</summary>
    public void Dispose()
    {
        _disposed = true;
        _files.ForEach(f => f.Free());
        _files.Clear();
        if (_ownsMemory)
            _memory.Dispose();
    }

    private string Where(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return _folder is null ? name : Path.Combine(_folder, name);
    }

    private IPlacedFile Create(string name, long length)
    {
        if (_folder is not null)
            return new DiskFile(Where(name));
        if (length > _room)
            throw new InsufficientMemoryException($"{name} takes {length} bytes of memory; {_room} may be used.");
        _room -= length;
        return new MemoryFile(name, length, _memory, _files);
    }
}
