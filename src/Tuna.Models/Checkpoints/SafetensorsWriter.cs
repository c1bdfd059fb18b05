using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tuna.Models.Checkpoints;

/// <summary>Writes a safetensors file tensor by tensor: all shapes are declared first, the data may then come in any order and in
/// pieces.</summary>
/// <remarks>
/// The layout is that of the Python library (wide types first, then by name; header padded to 8 bytes), so equal content gives equal bytes.
/// The file appears under its name at <see cref="Complete"/>; disposing without it leaves nothing behind. Used by one thread.
/// </remarks>
public sealed class SafetensorsWriter : IDisposable
{
    private static readonly Dictionary<string, string> NoMetadata = [];
    private readonly string _path;
    private readonly Dictionary<string, Slot> _slots;
    private IPlacedFile? _file;

    /// <summary>Creates the file beside its final name and writes the header.</summary>
    /// <param name="path">The file to appear; an existing one is replaced at <see cref="Complete"/>.</param>
    /// <param name="tensors">What will be written, in any order.</param>
    /// <param name="metadata">The header's <c>__metadata__</c>, or null for none.</param>
    /// <exception cref="ArgumentException">A name appears twice or is reserved, or a dimension is negative.</exception>
    public SafetensorsWriter(string path, IEnumerable<TensorSpec> tensors, IReadOnlyDictionary<string, string>? metadata = null)
        : this(path, _ => new DiskFile(path), tensors, metadata)
    {
    }

    /// <summary>Creates a file of the length that it will have.</summary>
    internal SafetensorsWriter(string path, Func<long, IPlacedFile> create, IEnumerable<TensorSpec> tensors,
        IReadOnlyDictionary<string, string>? metadata)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        _path = path;
        List<TensorInfo> layout = Arrange(tensors);
        byte[] header = SafetensorsHeader.Write(layout, metadata ?? NoMetadata);
        int start = 8 + header.Length;
        _slots = layout.ToDictionary(t => t.Name, t => new Slot(t with { Offset = t.Offset + start }), StringComparer.Ordinal);
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        _file = create(start + layout.Sum(t => t.ByteLength));
        _file.Write(prefix, 0);
        _file.Write(header, 8);
    }

    /// <summary>Whether NaN and infinity are refused, as they are in weights and in what training goes on from. Default false.</summary>
    public bool RequireFinite { get; set; }

    /// <summary>Writes the next elements of a tensor, converted to its type (round to nearest, ties to even).</summary>
    /// <param name="name">A declared tensor of F32, BF16 or F16.</param>
    /// <param name="values">The next elements, row-major; a tensor may come in several calls.</param>
    /// <exception cref="ArgumentException">The tensor was not declared, is of another kind, or would get more elements than
    /// declared.</exception>
    public void Write(string name, ReadOnlySpan<float> values)
    {
        Slot slot = Find(name);
        int size = slot.Tensor.DType.Size();
        if (slot.Tensor.DType == TensorDType.F32)
        {
            // No conversion, so no copy: the caller's memory goes to the file as it is.
            const int Piece = 1 << 28;
            for (int i = 0; i < values.Length; i += Piece)
                WriteBytes(name, MemoryMarshal.AsBytes(values.Slice(i, Math.Min(Piece, values.Length - i))));
            return;
        }
        const int Chunk = 1 << 18;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(Chunk, values.Length) * size);
        try
        {
            for (int i = 0; i < values.Length; i += Chunk)
            {
                int count = Math.Min(Chunk, values.Length - i);
                Span<byte> bytes = buffer.AsSpan(0, count * size);
                FloatConversion.Narrow(slot.Tensor.DType, values.Slice(i, count), bytes);
                WriteBytes(name, bytes);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes the next bytes of a tensor, as they are (little-endian).</summary>
    /// <exception cref="ArgumentException">The tensor was not declared or would get more bytes than declared.</exception>
    /// <exception cref="InvalidDataException">An element is not finite, and <see cref="RequireFinite"/> is set.</exception>
    public void WriteBytes(string name, ReadOnlySpan<byte> bytes)
    {
        Slot slot = Find(name);
        if (bytes.Length > slot.Tensor.ByteLength - slot.Written)
            throw new ArgumentException(
                $"Tensor '{name}' of {slot.Tensor.DType.SafetensorsName()} [{string.Join(", ", slot.Tensor.Shape)}] takes "
                + $"{slot.Tensor.ByteLength} bytes; {slot.Written + bytes.Length} were given.", nameof(bytes));
        if (RequireFinite && slot.Written % slot.Tensor.DType.Size() == 0 && !FiniteBytes.AreFinite(slot.Tensor.DType, bytes))
        {
            string limit = slot.Tensor.DType == TensorDType.F16 ? ", whose largest number is 65504; store it as BF16 or F32" : "";
            throw new InvalidDataException(
                $"{_path}: tensor '{name}' has an element that is NaN or infinite in {slot.Tensor.DType.SafetensorsName()}{limit}. "
                + $"Nothing was written.");
        }
        _file!.Write(bytes, slot.Tensor.Offset + slot.Written);
        slot.Written += bytes.Length;
    }

    /// <summary>Checks that every tensor is complete, flushes the file to the disk and gives it its name.</summary>
    /// <exception cref="InvalidOperationException">A tensor is not complete.</exception>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(_file is null, this);
        foreach (Slot slot in _slots.Values)
        {
            if (slot.Written != slot.Tensor.ByteLength)
                throw new InvalidOperationException(
                    $"{_path}: tensor '{slot.Tensor.Name}' got {slot.Written} of {slot.Tensor.ByteLength} bytes.");
        }
        _file.Complete();
        _file = null;
    }

    /// <summary>Removes the unfinished file, unless <see cref="Complete"/> was called.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private static List<TensorInfo> Arrange(IEnumerable<TensorSpec> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var layout = new List<TensorInfo>();
        long offset = 0;
        foreach (TensorSpec tensor in tensors.OrderByDescending(t => t.DType).ThenBy(t => t.Name, StringComparer.Ordinal))
        {
            if (tensor.Name == "__metadata__" || !names.Add(tensor.Name))
                throw new ArgumentException($"Tensor '{tensor.Name}' is declared twice or has a reserved name.", nameof(tensors));
            if (tensor.Shape.Any(d => d < 0))
                throw new ArgumentException($"Tensor '{tensor.Name}' has a negative dimension: [{string.Join(", ", tensor.Shape)}].",
                    nameof(tensors));
            layout.Add(new TensorInfo(tensor.Name, tensor.DType, tensor.Shape, offset, tensor.ByteLength));
            offset += tensor.ByteLength;
        }
        return layout;
    }

    private Slot Find(string name)
    {
        ObjectDisposedException.ThrowIf(_file is null, this);
        return _slots.TryGetValue(name, out Slot? slot)
            ? slot : throw new ArgumentException($"{_path}: tensor '{name}' was not declared.", nameof(name));
    }

    private sealed class Slot(TensorInfo tensor)
    {
        public TensorInfo Tensor { get; } = tensor;

        public long Written { get; set; }
    }
}
