using System.Buffers;
using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tuna.Models.Checkpoints;

/// <summary>An open safetensors file, its header checked on every bound before any tensor is touched.</summary>
/// <remarks>
/// Numbers are read straight from the file into the caller's memory, 16-bit ones through a buffer that stays in the processor's cache,
/// which is as fast as a memory map. <see cref="Bytes"/> maps the file instead and copies nothing; a file that is mapped must not be cut.
/// Reading is thread-safe until <see cref="Dispose"/>.
/// </remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private const int BufferBytes = 1 << 18;

    private readonly SafetensorsHeader _header;
    private readonly SafeFileHandle _handle;
    private readonly Lock _mapping = new();
    private MemoryMappedFile? _map;
    private MemoryMappedViewAccessor? _view;
    private byte* _start;

    private SafetensorsFile(string path, SafetensorsHeader header, SafeFileHandle handle)
    {
        Path = path;
        _header = header;
        _handle = handle;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    /// <summary>The header's <c>__metadata__</c>; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no regular file, is truncated or its header is wrong; the message names the file
    /// and the tensor.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RegularFile.Check(path);
        SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return new SafetensorsFile(path, ReadHeader(handle, path), handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's description.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public TensorInfo this[string name] =>
        _header.Tensors.TryGetValue(name, out TensorInfo? info) ? info : throw SafetensorsHeader.Bad(Path, $"there is no tensor '{name}'");

    /// <summary>A tensor's stored bytes, in place, little-endian; valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has 2 GiB or more.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        TensorInfo tensor = this[name];
        if (tensor.ByteLength > int.MaxValue)
            throw SafetensorsHeader.Bad(Path, $"tensor '{name}' has {tensor.ByteLength} bytes, too many for one span; read it as numbers");
        return new ReadOnlySpan<byte>(Map() + tensor.Offset, (int)tensor.ByteLength);
    }

    /// <summary>Reads a tensor as singles; 16-bit types are widened exactly, doubles and wide integers rounded.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">Receives all elements, row-major.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another number of elements.</exception>
    public void Read(string name, Span<float> destination)
    {
        TensorInfo tensor = this[name];
        CheckCount(tensor, destination.Length);
        if (tensor.DType == TensorDType.F32)
        {
            // A span of bytes holds a quarter of the elements that one of singles does.
            const int Piece = 1 << 28;
            for (int i = 0; i < destination.Length; i += Piece)
                ReadBytes(tensor, (long)i * sizeof(float),
                    MemoryMarshal.AsBytes(destination.Slice(i, Math.Min(Piece, destination.Length - i))));
            return;
        }
        int size = tensor.DType.Size();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (int i = 0; i < destination.Length; i += BufferBytes / size)
            {
                int count = Math.Min(BufferBytes / size, destination.Length - i);
                Span<byte> bytes = buffer.AsSpan(0, count * size);
                ReadBytes(tensor, (long)i * size, bytes);
                FloatConversion.Widen(tensor.DType, bytes, destination.Slice(i, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads a tensor as a new array of singles.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it is too large for an array.</exception>
    public float[] ReadSingles(string name)
    {
        TensorInfo tensor = this[name];
        if (tensor.ElementCount > Array.MaxLength)
            throw SafetensorsHeader.Bad(Path, $"tensor '{name}' has {tensor.ElementCount} elements, too many for one array");
        float[] values = GC.AllocateUninitializedArray<float>((int)tensor.ElementCount);
        Read(name, values);
        return values;
    }

    /// <summary>Reads an I32 tensor.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it is not I32.</exception>
    public int[] ReadInt32s(string name)
    {
        TensorInfo tensor = this[name];
        if (tensor.DType != TensorDType.I32)
            throw SafetensorsHeader.Bad(Path, $"tensor '{name}' is {tensor.DType.SafetensorsName()}, not I32");
        return MemoryMarshal.Cast<byte, int>(Bytes(name)).ToArray();
    }

    /// <summary>Checks that no element of a tensor of floating-point numbers is NaN or infinite, a piece at a time.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or one is; the message names tensor and element.</exception>
    public void RequireFinite(string name)
    {
        TensorInfo tensor = this[name];
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (long at = 0; at < tensor.ByteLength; at += BufferBytes)
            {
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(BufferBytes, tensor.ByteLength - at));
                ReadBytes(tensor, at, piece);
                if (FiniteBytes.AreFinite(tensor.DType, piece))
                    continue;
                (int index, float value) = FiniteBytes.First(tensor.DType, piece);
                throw SafetensorsHeader.Bad(Path,
                    $"element {(at / tensor.DType.Size()) + index} of tensor '{name}' is {value}; all of them are finite in a file that "
                    + $"is whole");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Closes the file; spans from <see cref="Bytes"/> are invalid from here on.</summary>
    public void Dispose()
    {
        lock (_mapping)
        {
            _handle.Dispose();
            if (_start is null)
                return;
            _start = null;
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _map!.Dispose();
        }
    }

    private static SafetensorsHeader ReadHeader(SafeFileHandle handle, string path)
    {
        long length = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[8];
        if (length < 8 || !TryFill(handle, prefix, 0))
            throw SafetensorsHeader.Bad(path, $"the file has {length} bytes, too few for a safetensors file");
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > SafetensorsHeader.MaxLength)
            throw SafetensorsHeader.Bad(path,
                $"the header claims {headerLength} bytes, more than the format's limit of {SafetensorsHeader.MaxLength}; is this a "
                + $"safetensors file?");
        if ((long)headerLength > length - 8)
            throw SafetensorsHeader.Bad(path,
                $"the header claims {headerLength} bytes, but only {length - 8} follow; the file is truncated");
        byte[] json = new byte[(int)headerLength];
        if (!TryFill(handle, json, 8))
            throw SafetensorsHeader.Bad(path, "the file was cut while it was read");
        return SafetensorsHeader.Parse(json, 8 + (long)headerLength, length, path);
    }

    private static bool TryFill(SafeFileHandle handle, Span<byte> destination, long offset)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(handle, destination, offset);
            if (read == 0)
                return false;
            destination = destination[read..];
            offset += read;
        }
        return true;
    }

    /// <summary>Reads some of a tensor's stored bytes.</summary>
    internal void ReadBytes(TensorInfo tensor, long offset, Span<byte> destination)
    {
        if (!TryFill(_handle, destination, tensor.Offset + offset))
            throw SafetensorsHeader.Bad(Path, $"the file was cut while tensor '{tensor.Name}' was read");
    }

    private byte* Map()
    {
        lock (_mapping)
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            if (_start is null)
            {
                _map = MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                    leaveOpen: true);
                _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
                byte* start = null;
                _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
                _start = start + _view.PointerOffset;
            }
            return _start;
        }
    }

    private void CheckCount(TensorInfo tensor, int count)
    {
        if (tensor.ElementCount != count)
            throw SafetensorsHeader.Bad(Path,
                $"tensor '{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}], {tensor.ElementCount} elements; {count} were "
                + $"expected");
    }
}
