using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;
using System.Text.Unicode;

namespace Tuna.Data;

/// <summary>A text where it stands in a row of JSON: valid UTF-8 with valid escapes, without its quotes. Good until the row's reader goes
/// on.</summary>
public readonly ref struct JsonText
{
    internal JsonText(ReadOnlySpan<byte> row, TextSlice slice)
    {
        Raw = row.Slice(slice.Start, slice.Bytes);
        Length = slice.Chars;
    }

    /// <summary>The bytes as they stand in the file, escapes included.</summary>
    public ReadOnlySpan<byte> Raw { get; }

    /// <summary>The text's length in characters (UTF-16 code units), escapes resolved.</summary>
    public int Length { get; }

    /// <summary>Whether every byte is a character: ASCII without escapes.</summary>
    public bool IsPlain => Length == Raw.Length;

    /// <summary>The text as a string.</summary>
    public override string ToString() =>
        IsPlain ? Encoding.Latin1.GetString(Raw) : string.Create(Length, Raw, (chars, raw) => Decode(raw, chars));

    /// <summary>Writes the text.</summary>
    /// <param name="chars">Receives <see cref="Length"/> characters.</param>
    /// <returns><see cref="Length"/>.</returns>
    /// <exception cref="ArgumentException">There is not room for them.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int CopyTo(Span<char> chars)
    {
        if (chars.Length < Length)
            throw new ArgumentException($"The text has {Length} characters, there is room for {chars.Length}.", nameof(chars));
        if (IsPlain)
            Encoding.Latin1.GetChars(Raw, chars);
        else
            Decode(Raw, chars[..Length]);
        return Length;
    }

    // What is decoded was checked when the row was scanned, and its length is known.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Decode(ReadOnlySpan<byte> raw, Span<char> chars)
    {
        int from = 0, count = 0;
        while (true)
        {
            int plain = WidenPlain(raw[from..], chars[count..]);
            from += plain;
            count += plain;
            if (from == raw.Length)
                return;
            if (raw[from] != '\\')
            {
                int length = raw[from..].IndexOfAnyInRange((byte)0, (byte)0x7F);
                Utf8.ToUtf16(length < 0 ? raw[from..] : raw.Slice(from, length), chars[count..], out int read, out int written);
                from += read;
                count += written;
            }
            else if (raw[from + 1] == 'u')
            {
                chars[count++] = JsonScanner.Hex(raw.Slice(from + 2, 4));
                from += 6;
            }
            else
            {
                chars[count++] = Unescaped(raw[from + 1]);
                from += 2;
            }
        }
    }

    private static char Unescaped(byte code) => code switch
    {
        (byte)'n' => '\n',
        (byte)'t' => '\t',
        (byte)'r' => '\r',
        (byte)'b' => '\b',
        (byte)'f' => '\f',
        _ => (char)code,
    };

    // Copies ASCII up to a backslash or the start of a longer character.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int WidenPlain(ReadOnlySpan<byte> from, Span<char> to)
    {
        ref byte source = ref MemoryMarshal.GetReference(from);
        ref ushort target = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(to));
        int i = 0, last = Math.Min(from.Length, to.Length) - Vector128<byte>.Count;
        for (; i <= last; i += Vector128<byte>.Count)
        {
            Vector128<byte> bytes = Vector128.LoadUnsafe(ref source, (nuint)i);
            uint stop = (Vector128.Equals(bytes, Vector128.Create((byte)'\\')) | bytes).ExtractMostSignificantBits();
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(bytes);
            low.StoreUnsafe(ref target, (nuint)i); // what is written past a stop is written over
            high.StoreUnsafe(ref target, (nuint)i + 8);
            if (stop != 0)
                return i + BitOperations.TrailingZeroCount(stop);
        }

        for (; i < from.Length && from[i] is < 0x80 and not (byte)'\\'; i++)
            to[i] = (char)from[i];
        return i;
    }
}

/// <summary>Where a value stands in a row; a text without its quotes.</summary>
/// <param name="Start">Its first byte; -1 for null.</param>
/// <param name="Bytes">Its length in the row.</param>
/// <param name="Chars">Its length as a string.</param>
internal readonly record struct TextSlice(int Start, int Bytes, int Chars)
{
    public static readonly TextSlice Null = new(-1, 0, 0);

    public bool IsNull => Start < 0;

    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> row) => row.Slice(Start, Bytes);
}
