using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Tuna.Data;

/// <summary>A cursor over one row of JSON that finds where values stand and checks them, and gives up on whatever is unusual.</summary>
/// <remarks>
/// <see cref="Utf8JsonReader"/> goes through a string byte by byte once it has met an escape, and long responses are full of line breaks.
/// Here 32 bytes are looked at at a time. The cursor accepts only what is valid JSON; on false the caller starts again with the full
/// reader, which says what is wrong.
/// </remarks>
internal ref struct JsonScanner(ReadOnlySpan<byte> json)
{
    private readonly ReadOnlySpan<byte> _json = json;
    private int _at;

    /// <summary>Whether nothing but space is left.</summary>
    public bool AtEnd()
    {
        SkipSpace();
        return _at == _json.Length;
    }

    /// <summary>Takes a punctuation mark, with space before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Take(byte mark)
    {
        SkipSpace();
        if (_at >= _json.Length || _json[_at] != mark)
            return false;
        _at++;
        return true;
    }

    /// <summary>Takes null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TakeNull()
    {
        SkipSpace();
        if (_at >= _json.Length || _json[_at] != 'n' || !_json[_at..].StartsWith("null"u8))
            return false;
        _at += 4;
        return true;
    }

    /// <summary>Takes a field's name and its colon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryName(out TextSlice name) => TryText(out name) && Take((byte)':');

    /// <summary>Takes a text.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryText(out TextSlice text)
    {
        text = default;
        if (!Take((byte)'"'))
            return false;
        ReadOnlySpan<byte> json = _json;
        int start = _at, at = start, less = 0; // less: bytes that are no characters
        while (at + Vector512<byte>.Count <= json.Length)
        {
            ulong stops = Stops(ref MemoryMarshal.GetReference(json), at);
            int block = at;
            at += Vector512<byte>.Count;
            while (stops != 0)
            {
                int stop = block + BitOperations.TrailingZeroCount(stops), next = stop + 2;
                byte b = json[stop];
                if (b == '"')
                    return End(start, stop, less, out text);
                if (next < json.Length && ((b == '\\' && IsSimpleEscape(json[stop + 1]))
                    || (b is >= 0xC2 and <= 0xDF && IsContinuation(json[stop + 1]))))
                    less++; // the escapes and the letters that most texts of European languages have
                else if ((next = Pass(stop, ref less)) < 0)
                    return false;
                if (next >= at)
                {
                    at = next;
                    break;
                }

                stops &= ulong.MaxValue << (next - block);
            }
        }

        while (at < json.Length)
        {
            byte b = json[at];
            if (b == '"')
                return End(start, at, less, out text);
            if (b is >= 0x20 and < 0x80 and not (byte)'\\')
                at++;
            else if ((at = Pass(at, ref less)) < 0)
                return false;
        }

        return false;
    }

    /// <summary>Takes a text or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryTextOrNull(out TextSlice text)
    {
        text = TextSlice.Null;
        return TakeNull() || TryText(out text);
    }

    /// <summary>Takes a finite number or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryNumberOrNull(out TextSlice number)
    {
        number = TextSlice.Null;
        if (TakeNull())
            return true;
        if (!TryNumber(out number))
            return false;
        // Without an exponent it takes more than three hundred digits to leave the range of a double.
        ReadOnlySpan<byte> text = number.Of(_json);
        return (text.Length < 300 && !text.ContainsAny((byte)'e', (byte)'E')) || double.IsFinite(Double(text));
    }

    /// <summary>Takes a number in JSON's grammar.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryNumber(out TextSlice number)
    {
        SkipSpace();
        int start = _at, i = _at;
        number = default;
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

        _at = i;
        number = new(start, i - start, i - start);
        return true;
    }

    /// <summary>Takes a 32-bit integer or null.</summary>
    public bool TryIntegerOrNull(out int? integer)
    {
        integer = null;
        if (TakeNull())
            return true;
        if (!TryNumber(out TextSlice text)
            || !int.TryParse(text.Of(_json), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
            return false;
        integer = value;
        return true;
    }

    /// <summary>Takes any value; a text with its quotes.</summary>
    public bool TryValue(out TextSlice value)
    {
        SkipSpace();
        int start = _at;
        value = default;
        if (_at == _json.Length)
            return false;
        bool good = _json[_at] == '"'
            ? TryText(out _) : _json[_at] is (byte)'{' or (byte)'[' or (byte)'t' or (byte)'f' or (byte)'n' ? TryOther() : TryNumber(out _);
        value = new(start, _at - start, -1);
        return good;
    }

    /// <summary>A number's value; infinite when it is out of range.</summary>
    public static double Double(ReadOnlySpan<byte> number) =>
        Utf8Parser.TryParse(number, out double value, out int used) && used == number.Length
        ? value : throw new FormatException($"'{Encoding.UTF8.GetString(number)}' is not a number.");

    /// <summary>The code unit of four hexadecimal digits.</summary>
    public static char Hex(ReadOnlySpan<byte> digits)
    {
        int value = 0;
        foreach (byte digit in digits)
            value = (value << 4) | ((digit & 0xF) + (digit > '9' ? 9 : 0));
        return (char)value;
    }

    // The places among 64 bytes of quotes, backslashes, and, as signed numbers below the space, control characters and everything from 0x80
    // up.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Stops(ref byte json, int at)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<byte> bytes = Vector512.LoadUnsafe(ref json, (nuint)at);
            return Vector512.Equals(bytes, Vector512.Create((byte)'"')).ExtractMostSignificantBits()
                | Vector512.Equals(bytes, Vector512.Create((byte)'\\')).ExtractMostSignificantBits()
                | Vector512.LessThan(bytes.AsSByte(), Vector512.Create((sbyte)' ')).ExtractMostSignificantBits();
        }

        return Half(ref json, at) | ((ulong)Half(ref json, at + 32) << 32);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static uint Half(ref byte json, int at)
        {
            Vector256<byte> bytes = Vector256.LoadUnsafe(ref json, (nuint)at);
            return (Vector256.Equals(bytes, Vector256.Create((byte)'"')) | Vector256.Equals(bytes, Vector256.Create((byte)'\\'))
                | Vector256.LessThan(bytes.AsSByte(), Vector256.Create((sbyte)' ')).AsByte()).ExtractMostSignificantBits();
        }
    }

    // "\/bfnrt
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSimpleEscape(byte code) =>
        code < 0x80 && (((code < 64 ? 0x0000_8004_0000_0000UL : 0x0014_4044_1000_0000UL) >> (code & 63)) & 1) != 0;

    private static bool IsContinuation(byte b) => (sbyte)b < -64;

    private bool End(int start, int end, int less, out TextSlice text)
    {
        text = new(start, end - start, end - start - less);
        _at = end + 1;
        return true;
    }

    // Goes past an escape or characters other than ASCII; -1 where they are not valid.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly int Pass(int at, ref int less)
    {
        byte b = _json[at];
        if (b == '\\')
        {
            if (at + 1 >= _json.Length)
                return -1;
            if (_json[at + 1] == 'u')
                return PassUnicode(at, ref less);
            less++;
            return IsSimpleEscape(_json[at + 1]) ? at + 2 : -1;
        }

        // Other scripts come in stretches.
        int length = _json[at..].IndexOfAnyInRange((byte)0, (byte)0x7F);
        if (b < 0x80 || length < 0 || !Utf8.IsValid(_json.Slice(at, length)))
            return -1;
        less += length - Encoding.UTF8.GetCharCount(_json.Slice(at, length));
        return at + length;
    }

    private readonly int PassUnicode(int at, ref int less)
    {
        if (!TryHex(at + 2, out char c) || char.IsLowSurrogate(c))
            return -1;
        less += 5;
        if (!char.IsHighSurrogate(c))
            return at + 6;
        less += 5;
        return _json[(at + 6)..].StartsWith("\\u"u8) && TryHex(at + 8, out c) && char.IsLowSurrogate(c) ? at + 12 : -1;
    }

    private readonly bool TryHex(int at, out char c)
    {
        c = '\0';
        if (at + 4 > _json.Length)
            return false;
        ReadOnlySpan<byte> digits = _json.Slice(at, 4);
        foreach (byte digit in digits)
        {
            if (!char.IsAsciiHexDigit((char)digit))
                return false;
        }

        c = Hex(digits);
        return true;
    }

    // Objects, arrays and words are rare: the full reader goes through them.
    private bool TryOther()
    {
        var reader = new Utf8JsonReader(_json[_at..]);
        try
        {
            reader.Read();
            reader.Skip();
        }
        catch (JsonException)
        {
            return false;
        }

        _at += (int)reader.BytesConsumed;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly int Digits(ref int i)
    {
        int start = i;
        if (i + Vector256<byte>.Count <= _json.Length)
        {
            Vector256<byte> bytes = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(_json), (nuint)i) - Vector256.Create((byte)'0');
            i += BitOperations.TrailingZeroCount(Vector256.GreaterThan(bytes, Vector256.Create((byte)9)).ExtractMostSignificantBits());
        }

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
