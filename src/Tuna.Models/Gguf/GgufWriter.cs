using System.Buffers.Binary;
using System.Text;

namespace Tuna.Models.Gguf;

/// <summary>The bytes of a GGUF file, version 3: metadata, descriptions of the tensors, the tensors aligned to 32 bytes.</summary>
internal sealed class GgufWriter : IDisposable
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const int Alignment = 32;
    private readonly MemoryStream _values = new();
    private readonly List<(string Name, long[] Shape, uint Type, long Bytes, Action<Stream> Write)> _tensors = [];
    private long _count;

    public void Add(string key, string value) => Key(key, 8, () => Text(value));

    public void Add(string key, uint value) => Key(key, 4, () => UInt32(value));

    public void Add(string key, float value) => Key(key, 6, () => UInt32(BitConverter.SingleToUInt32Bits(value)));

    public void Add(string key, bool value) => Key(key, 7, () => _values.WriteByte(value ? (byte)1 : (byte)0));

    public void Add(string key, IReadOnlyList<string> values) => Array(key, 8, values, Text);

    public void Add(string key, IReadOnlyList<int> values) => Array(key, 5, values, v => UInt32(unchecked((uint)v)));

    public void Add(string key, IReadOnlyList<float> values) => Array(key, 6, values, v => UInt32(BitConverter.SingleToUInt32Bits(v)));

    /// <summary>Adds a tensor, whose bytes are asked for when the file is written.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape, the fastest dimension last.</param>
    /// <param name="type">ggml's number of its type.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="write">Writes it.</param>
    public void AddTensor(string name, IReadOnlyList<long> shape, uint type, long bytes, Action<Stream> write) =>
        _tensors.Add((name, [.. shape], type, bytes, write));

    public void Dispose() => _values.Dispose();

    public void Write(Stream stream)
    {
        using var head = new MemoryStream();
        Number(head, Magic, 4);
        Number(head, 3, 4);
        Number(head, (ulong)_tensors.Count, 8);
        Number(head, (ulong)_count, 8);
        _values.WriteTo(head);
        long offset = 0;
        foreach ((string name, long[] shape, uint type, long bytes, _) in _tensors)
        {
            Text(head, name);
            Number(head, (ulong)shape.Length, 4);
            foreach (long size in shape.Reverse())
                Number(head, (ulong)size, 8);
            Number(head, type, 4);
            Number(head, (ulong)offset, 8);
            offset += Padded(bytes);
        }

        head.Write(new byte[Padded(head.Length) - head.Length]);
        head.WriteTo(stream);
        foreach ((string name, _, _, long bytes, Action<Stream> write) in _tensors)
        {
            long before = stream.Position;
            write(stream);
            if (stream.Position - before != bytes)
                throw new InvalidOperationException($"Tensor '{name}' has {stream.Position - before} bytes instead of {bytes}.");
            stream.Write(new byte[Padded(bytes) - bytes]);
        }
    }

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private void Key(string key, uint type, Action value)
    {
        Text(key);
        UInt32(type);
        value();
        _count++;
    }

    private void Array<T>(string key, uint type, IReadOnlyList<T> values, Action<T> write) => Key(key, 9, () =>
    {
        UInt32(type);
        Number(_values, (ulong)values.Count, 8);
        foreach (T value in values)
            write(value);
    });

    private void UInt32(uint value) => Number(_values, value, 4);

    private void Text(string value) => Text(_values, value);

    private static void Text(Stream stream, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        Number(stream, (ulong)bytes.Length, 8);
        stream.Write(bytes);
    }

    private static void Number(Stream stream, ulong value, int bytes)
    {
        Span<byte> buffer = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(buffer, value);
        stream.Write(buffer[..bytes]);
    }
}
