using System.Buffers.Binary;
using System.Text;

namespace Tuna.Evaluation.TensorBoard;

/// <summary>An event of TensorFlow's <c>event.proto</c> with the fields that scalars need, in protobuf's wire format.</summary>
/// <param name="WallTime">Seconds since 1970.</param>
/// <param name="Step">The training step.</param>
/// <param name="Values">Scalars by their tags.</param>
/// <param name="FileVersion">Of a file's first event; otherwise null.</param>
/// <param name="Starts">Whether a session starts: a reader forgets all events from this step on.</param>
internal sealed record ScalarEvent(double WallTime, long Step, IReadOnlyList<(string Tag, float Value)> Values,
    string? FileVersion = null, bool Starts = false)
{
    // Field numbers and wire types (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes), as a key byte: number * 8 + type.
    private const byte WallTimeKey = (1 << 3) | 1;
    private const byte StepKey = 2 << 3;
    private const byte FileVersionKey = (3 << 3) | 2;
    private const byte SummaryKey = (5 << 3) | 2;
    private const byte SessionLogKey = (7 << 3) | 2;
    private const byte SummaryValueKey = (1 << 3) | 2;
    private const byte TagKey = (1 << 3) | 2;
    private const byte SimpleValueKey = (2 << 3) | 5;
    private const byte StatusKey = 1 << 3;
    private const byte StatusStart = 1;

    public byte[] Encode()
    {
        var bytes = new List<byte> { WallTimeKey };
        Span<byte> fixed8 = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(fixed8, WallTime);
        bytes.AddRange(fixed8);
        if (Step != 0)
        {
            bytes.Add(StepKey);
            AddVarint(bytes, (ulong)Step);
        }
        if (FileVersion is not null)
            AddField(bytes, FileVersionKey, Encoding.UTF8.GetBytes(FileVersion));
        if (Values.Count > 0)
        {
            var summary = new List<byte>();
            foreach ((string tag, float value) in Values)
                AddField(summary, SummaryValueKey, [.. EncodeValue(tag, value)]);
            AddField(bytes, SummaryKey, [.. summary]);
        }
        if (Starts)
            AddField(bytes, SessionLogKey, [StatusKey, StatusStart]);
        return [.. bytes];
    }

    /// <summary>Reads an event; fields that scalars do not need are passed over.</summary>
    /// <exception cref="InvalidDataException">It is no event.</exception>
    public static ScalarEvent Decode(ReadOnlySpan<byte> bytes)
    {
        var read = new ScalarEvent(0, 0, []);
        while (bytes.Length > 0)
        {
            ulong key = TakeVarint(ref bytes);
            ReadOnlySpan<byte> field = TakeField(ref bytes, (int)(key & 7), out ulong number);
            read = key switch
            {
                WallTimeKey => read with { WallTime = BinaryPrimitives.ReadDoubleLittleEndian(field) },
                StepKey => read with { Step = (long)number },
                FileVersionKey => read with { FileVersion = Encoding.UTF8.GetString(field) },
                SummaryKey => read with { Values = DecodeSummary(field) },
                SessionLogKey => read with { Starts = field.SequenceEqual([StatusKey, StatusStart]) },
                _ => read,
            };
        }
        return read;
    }

    private static List<byte> EncodeValue(string tag, float value)
    {
        var bytes = new List<byte>();
        AddField(bytes, TagKey, Encoding.UTF8.GetBytes(tag));
        bytes.Add(SimpleValueKey);
        Span<byte> fixed4 = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(fixed4, value);
        bytes.AddRange(fixed4);
        return bytes;
    }

    private static List<(string, float)> DecodeSummary(ReadOnlySpan<byte> bytes)
    {
        var values = new List<(string, float)>();
        while (bytes.Length > 0)
        {
            ulong key = TakeVarint(ref bytes);
            ReadOnlySpan<byte> value = TakeField(ref bytes, (int)(key & 7), out _);
            if (key != SummaryValueKey)
                continue;
            string tag = "";
            float scalar = float.NaN;
            while (value.Length > 0)
            {
                ulong inner = TakeVarint(ref value);
                ReadOnlySpan<byte> field = TakeField(ref value, (int)(inner & 7), out _);
                if (inner == TagKey)
                    tag = Encoding.UTF8.GetString(field);
                else if (inner == SimpleValueKey)
                    scalar = BinaryPrimitives.ReadSingleLittleEndian(field);
            }
            values.Add((tag, scalar));
        }
        return values;
    }

    private static void AddField(List<byte> bytes, byte key, byte[] content)
    {
        bytes.Add(key);
        AddVarint(bytes, (ulong)content.Length);
        bytes.AddRange(content);
    }

    private static void AddVarint(List<byte> bytes, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
    }

    private static ulong TakeVarint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; i < bytes.Length && i < 10; i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }
        throw new InvalidDataException("Not an event: a number has no end.");
    }

    private static ReadOnlySpan<byte> TakeField(ref ReadOnlySpan<byte> bytes, int type, out ulong number)
    {
        number = type is 0 or 2 ? TakeVarint(ref bytes) : 0;
        int length = type switch
        {
            0 => 0,
            1 => 8,
            2 => number <= (ulong)bytes.Length ? (int)number : -1,
            5 => 4,
            _ => -1,
        };
        if (length < 0 || length > bytes.Length)
            throw new InvalidDataException("Not an event: a field reaches beyond it.");
        ReadOnlySpan<byte> field = bytes[..length];
        bytes = bytes[length..];
        return field;
    }
}
