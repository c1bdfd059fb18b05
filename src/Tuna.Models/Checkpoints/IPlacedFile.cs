using Tuna.IO;

namespace Tuna.Models.Checkpoints;

/// <summary>A file whose bytes come in any order, and that is there once it is complete.</summary>
internal interface IPlacedFile : IDisposable
{
    /// <summary>Writes bytes to a place.</summary>
    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Makes it appear. Disposed without, it leaves nothing.</summary>
    void Complete();
}

/// <summary>A file on the disk.</summary>
internal sealed class DiskFile(string path) : IPlacedFile
{
    private readonly AtomicFile _file = new(path, bufferSize: 0);

    public void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(_file.Stream.SafeFileHandle, bytes, offset);

    public void Complete() => _file.Complete();

    public void Dispose() => _file.Dispose();
}

/// <summary>A file in native memory, which joins the others when it is complete.</summary>
internal sealed unsafe class MemoryFile(string name, long length, CopyMemory memory, List<MemoryFile> others) : IPlacedFile
{
    private const int Piece = 1 << 26;
    private (nint Address, long Bytes)? _block = memory.Take(length);
    private bool _complete;

    public void Write(ReadOnlySpan<byte> bytes, long offset) => bytes.CopyTo(Part(offset, bytes.Length));

    public void Complete()
    {
        _complete = true;
        others.Add(this);
    }

    public void Save(string folder)
    {
        using var file = new DiskFile(Path.Combine(folder, name));
        for (long at = 0; at < length; at += Piece)
            file.Write(Part(at, (int)Math.Min(Piece, length - at)), at);
        file.Complete();
    }

    public void Dispose()
    {
        if (!_complete)
            Free();
    }

    public void Free()
    {
        if (_block is { } block)
            memory.Return(block);
        _block = null;
    }

    private Span<byte> Part(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_block is null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, length - count);
        return new((byte*)_block.Value.Address + offset, count);
    }
}
