using System.Buffers;
using System.Buffers.Text;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Unicode;

namespace Tuna.Data;

/// <summary>A cursor over one row of JSON that reads strings, numbers and punctuation, and gives up on whatever is unusual.</summary>
/// <remarks>
/// <see cref="System.Text.Json.Utf8JsonReader"/> goes through a string byte by byte once it has met an escape, and long responses are full of line breaks. Here plain text is
/// recognised and widened 16 bytes at a time, in one pass. The cursor accepts only what is valid JSON; on false the caller starts again with the full reader, which says what is wrong.
/// </remarks>
internal ref struct FastJson
{
    // Whatever ends a stretch of plain text inside a string: the quote, the backslash, and control characters, which JSON forbids there.
    private static readonly SearchValues<byte> Special = SearchValues.Create([(byte)'"', (byte)'\\', .. Enumerable.Range(0, 0x20).Select(i => (byte)i)]);

    private readonly ReadOnlySpan<byte> _json;
    private readonly RowContext _context;
    private int _at;

    public FastJson(ReadOnlySpan<byte> json, RowContext context)
    {
        _json = json;
        _context = context;
    }

    /// <summary>Whether nothing but space is left.</summary>
    public bool AtEnd()
    {
        SkipSpace();
        return _at == _json.Length;
    }

    /// <summary>Takes a punctuation mark, with space before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Take(byte mark)
    {
        SkipSpace();
        if (_at >= _json.Length || _json[_at] != mark)
            return false;
        _at++;
        return true;
    }

    /// <summary>Takes null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TakeNull()
    {
        SkipSpace();
        if (!_json[_at..].StartsWith("null"u8))
            return false;
        _at += 4;
        return true;
    }

    /// <summary>Takes a field's name, which holds no escapes, and its colon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryName(out ReadOnlySpan<byte> name)
    {
        name = default;
        if (!Take((byte)'"'))
            return false;
        int length = _json[_at..].IndexOfAny(Special);
        if (length < 0 || _json[_at + length] != '"')
            return false;
        name = _json.Slice(_at, length);
        _at += length + 1;
        return Take((byte)':');
    }

    /// <summary>Takes a string.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryString(out string text)
    {
        text = "";
        if (!Take((byte)'"'))
            return false;
        ReadOnlySpan<byte> rest = _json[_at..];
        Span<char> chars = _context.CharBuffer(rest.Length); // UTF-8 never has fewer bytes than UTF-16 has characters
        int from = 0, count = 0;
        while (true)
        {
            int plain = WidenPlain(rest[from..], chars[count..]);
            from += plain;
            count += plain;
            if (from == rest.Length)
                return false;
            byte b = rest[from];
            if (b == '"')
            {
                text = new string(chars[..count]);
                _at += from + 1;
                return true;
            }

            bool good = b == '\\' ? TryEscape(rest, ref from, chars, ref count) : b >= 0x80 && TryOtherScript(rest, ref from, chars, ref count);
            if (!good)
                return false;
        }
    }

    /// <summary>Takes a string of which few differ from row to row, or null.</summary>
    public bool TryShared(out string? text)
    {
        text = null;
        if (TakeNull())
            return true;
        if (!Take((byte)'"'))
            return false;
        int length = _json[_at..].IndexOfAny(Special);
        if (length < 0 || _json[_at + length] != '"')
            return false;
        text = _context.Shared(_json.Slice(_at, length));
        _at += length + 1;
        return text is not null;
    }

    /// <summary>Takes a finite number, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryNumber(out double? number)
    {
        number = null;
        if (TakeNull())
            return true;
        if (!TryNumberText(out ReadOnlySpan<byte> text) || !Utf8Parser.TryParse(text, out double value, out int used) || used != text.Length || !double.IsFinite(value))
            return false;
        number = value;
        return true;
    }

    /// <summary>Takes the text of a number in JSON's grammar.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryNumberText(out ReadOnlySpan<byte> text)
    {
        SkipSpace();
        int start = _at, i = _at;
        text = default;
        if (i < _json.Length && _json[i] == '-')
            i++;
        int whole = Digits(ref i);
        if (whole == 0 || (whole > 1 && _json[i - whole] == '0'))
            return false;
        if (i < _json.Length && _json[i] == '.')
        {
            i++;
            if (Digits(ref i) == 0)
                return false;
        }

        if (i < _json.Length && _json[i] is (byte)'e' or (byte)'E')
        {
            i++;
            if (i < _json.Length && _json[i] is (byte)'+' or (byte)'-')
                i++;
            if (Digits(ref i) == 0)
                return false;
        }

        text = _json[start..i];
        _at = i;
        return true;
    }

    /// <summary>Takes a value that is kept as text: a string without escapes, a number, true, false or null.</summary>
    public bool TryPlainValue(out ReadOnlySpan<byte> text)
    {
        SkipSpace();
        int start = _at;
        text = default;
        if (_at >= _json.Length)
            return false;
        if (_json[_at] == '"')
        {
            int length = _json[(_at + 1)..].IndexOfAny(Special);
            if (length < 0 || _json[_at + 1 + length] != '"' || !Utf8.IsValid(_json.Slice(_at + 1, length)))
                return false;
            _at += length + 2;
        }
        else if (_json[_at..].StartsWith("true"u8) || _json[_at..].StartsWith("null"u8))
        {
            _at += 4;
        }
        else if (_json[_at..].StartsWith("false"u8))
        {
            _at += 5;
        }
        else
        {
            return TryNumberText(out text);
        }

        text = _json[start.._at];
        return true;
    }

    // Copies ASCII up to the first byte that means something: a quote, a backslash, a control character, or the start of a longer character.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int WidenPlain(ReadOnlySpan<byte> from, Span<char> to)
    {
        ref byte source = ref MemoryMarshal.GetReference(from);
        ref ushort target = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(to));
        int i = 0;
        for (; i + Vector128<byte>.Count <= from.Length; i += Vector128<byte>.Count)
        {
            Vector128<byte> bytes = Vector128.LoadUnsafe(ref source, (nuint)i);
            // As signed numbers, control characters and everything from 0x80 up are below the space.
            Vector128<byte> stop = Vector128.Equals(bytes, Vector128.Create((byte)'"')) | Vector128.Equals(bytes, Vector128.Create((byte)'\\'))
                | Vector128.LessThan(bytes.AsSByte(), Vector128.Create((sbyte)' ')).AsByte();
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(bytes);
            low.StoreUnsafe(ref target, (nuint)i); // what is written past a stop is written over
            high.StoreUnsafe(ref target, (nuint)i + 8);
            if (stop != Vector128<byte>.Zero)
                return i + BitOperations.TrailingZeroCount(stop.ExtractMostSignificantBits());
        }

        for (; i < from.Length && from[i] is >= 0x20 and < 0x80 and not ((byte)'"' or (byte)'\\'); i++)
            to[i] = (char)from[i];
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryOtherScript(ReadOnlySpan<byte> rest, ref int from, Span<char> chars, ref int count)
    {
        int length = rest[from..].IndexOfAnyInRange((byte)0, (byte)0x7F);
        if (length < 0 || Utf8.ToUtf16(rest.Slice(from, length), chars[count..], out _, out int written, replaceInvalidSequences: false) != OperationStatus.Done)
            return false;
        from += length;
        count += written;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryEscape(ReadOnlySpan<byte> rest, ref int from, Span<char> chars, ref int count)
    {
        if (from + 1 >= rest.Length)
            return false;
        byte code = rest[from + 1];
        if (code == 'u')
            return TryUnicodeEscape(rest, ref from, chars, ref count);
        char c = code switch
        {
            (byte)'n' => '\n',
            (byte)'t' => '\t',
            (byte)'r' => '\r',
            (byte)'b' => '\b',
            (byte)'f' => '\f',
            (byte)'"' or (byte)'\\' or (byte)'/' => (char)code,
            _ => '\0',
        };
        chars[count++] = c;
        from += 2;
        return c != '\0';
    }

    private static bool TryUnicodeEscape(ReadOnlySpan<byte> rest, ref int from, Span<char> chars, ref int count)
    {
        if (!TryHex(rest, from + 2, out char c) || char.IsLowSurrogate(c))
            return false;
        chars[count++] = c;
        from += 6;
        if (!char.IsHighSurrogate(c))
            return true;
        if (!rest[from..].StartsWith("\\u"u8) || !TryHex(rest, from + 2, out char low) || !char.IsLowSurrogate(low))
            return false;
        chars[count++] = low;
        from += 6;
        return true;
    }

    private static bool TryHex(ReadOnlySpan<byte> json, int at, out char c)
    {
        c = '\0';
        if (at + 4 > json.Length)
            return false;
        int value = 0;
        for (int i = at; i < at + 4; i++)
        {
            if (!char.IsAsciiHexDigit((char)json[i]))
                return false;
            value = (value << 4) | ((json[i] & 0xF) + (json[i] > '9' ? 9 : 0));
        }

        c = (char)value;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly int Digits(ref int i)
    {
        int start = i;
        while (i < _json.Length && char.IsAsciiDigit((char)_json[i]))
            i++;
        return i - start;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SkipSpace()
    {
        while (_at < _json.Length && _json[_at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            _at++;
    }
}
