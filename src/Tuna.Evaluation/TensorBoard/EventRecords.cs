using System.Buffers.Binary;
using System.Numerics;

namespace Tuna.Evaluation.TensorBoard;

/// <summary>TensorFlow's record format: length, masked CRC32C of the length, data, masked CRC32C of the data; all little-endian.</summary>
/// <remarks>As <c>tensorflow/core/lib/io/record_writer.h</c> describes it. The mask keeps a CRC of data that holds CRCs apart from
/// them.</remarks>
internal static class EventRecords
{
    private const int HeaderBytes = 12;
    private const int LongestRecord = 1 << 24; // ours have a few hundred bytes

    public static void Write(Stream stream, ReadOnlySpan<byte> data)
    {
        byte[] record = new byte[HeaderBytes + data.Length + 4];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedCrc(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(HeaderBytes + data.Length), MaskedCrc(data));
        stream.Write(record); // at once: a killed writer tears the last record at most
    }

    /// <summary>The records up to the end, or up to the first that is torn or damaged.</summary>
    public static IEnumerable<byte[]> Read(Stream stream)
    {
        byte[] header = new byte[HeaderBytes];
        while (stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) == HeaderBytes)
        {
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(header);
            if (length > LongestRecord || BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)) != MaskedCrc(header.AsSpan(0, 8)))
                yield break;
            byte[] data = new byte[length + 4];
            if (stream.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length
                || BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)length)) != MaskedCrc(data.AsSpan(0, (int)length)))
                yield break;
            yield return data[..(int)length];
        }
    }

    internal static uint MaskedCrc(ReadOnlySpan<byte> data) => unchecked(BitOperations.RotateRight(Crc32C(data), 15) + 0xa282ead8);

    internal static uint Crc32C(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
