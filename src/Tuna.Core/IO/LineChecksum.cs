using System.Buffers;
using System.Security.Cryptography;

namespace Tuna.IO;

/// <summary>The checksum of a line of JSON: the last member of its object, <c>"checksum":"0123456789abcdef"</c>, over the object without
/// it.</summary>
/// <remarks>The first 64 bits of the SHA-256 of the bytes. It guards against damage, not against forgery.</remarks>
internal static class LineChecksum
{
    private const int Digits = 16;

    private static ReadOnlySpan<byte> Lead => "\"checksum\":\""u8;

    private static ReadOnlySpan<byte> Tail => "\"}"u8;

    /// <summary>From the comma (or the opening brace of an empty object) to the end of the line.</summary>
    public static int SuffixLength => 1 + Lead.Length + Digits + Tail.Length;

    /// <summary>Puts the checksum into a line that holds one object.</summary>
    /// <exception cref="ArgumentException">The line is not an object.</exception>
    public static void Add(ArrayBufferWriter<byte> line)
    {
        ReadOnlySpan<byte> json = line.WrittenSpan;
        if (json.Length < 2 || json[0] != '{' || json[^1] != '}')
            throw new ArgumentException("A journal with checksums takes objects only, from brace to brace.", nameof(line));
        Span<byte> hex = stackalloc byte[Digits];
        Compute(json, hex);
        bool empty = json.Length == 2;
        byte[] object_ = json[..^1].ToArray(); // the buffer may move when it is written to
        line.ResetWrittenCount();
        line.Write(object_);
        if (!empty)
            line.Write(","u8);
        line.Write(Lead);
        line.Write(hex);
        line.Write(Tail);
    }

    /// <summary>Checks a line and takes the checksum off, in place.</summary>
    /// <param name="line">The line's bytes, without its newline.</param>
    /// <returns>What the line says of itself, and the object without the checksum where it agrees; the line as it is where it has
    /// none.</returns>
    public static (LineState State, Memory<byte> Json) Remove(Memory<byte> line)
    {
        Span<byte> bytes = line.Span;
        int at = bytes.Length - SuffixLength;
        if (at < 0 || !Resembles(bytes[at..]))
            return HasTrace(bytes) ? (LineState.Damaged, default) : (LineState.Without, line);
        Span<byte> stated = bytes.Slice(at + 1 + Lead.Length, Digits);
        if (!bytes[(at + 1)..].StartsWith(Lead) || !bytes.EndsWith(Tail) || !(bytes[at] == ',' || (bytes[at] == '{' && at == 0)))
            return (LineState.Damaged, default);
        Memory<byte> json = line[..(bytes[at] == ',' ? at + 1 : 2)];
        (byte first, byte last) = (bytes[json.Length - 1], (byte)'}');
        Span<byte> given = stackalloc byte[Digits], computed = stackalloc byte[Digits];
        stated.CopyTo(given); // of an empty object, the brace goes where the name begins
        json.Span[^1] = last;
        Compute(json.Span, computed);
        if (computed.SequenceEqual(given))
            return (LineState.Agrees, json);
        json.Span[^1] = first;
        return (LineState.Damaged, default);
    }

    /// <summary>Whether the end of a line has the form of a checksum, or nearly so: damage may hit the member's name too.</summary>
    /// <param name="suffix">The last <see cref="SuffixLength"/> bytes.</param>
    public static bool Resembles(ReadOnlySpan<byte> suffix)
    {
        int same = 0;
        for (int i = 0; i < Lead.Length; i++)
            same += suffix[i + 1] == Lead[i] ? 1 : 0;
        for (int i = 0; i < Tail.Length; i++)
            same += suffix[suffix.Length - Tail.Length + i] == Tail[i] ? 1 : 0;
        return same >= Lead.Length + Tail.Length - 4;
    }

    // Bytes that were lost or put in move the rest: then a piece of the name betrays that there was a checksum. A line of an earlier
    // version that ends with such a word is made again.
    private static bool HasTrace(ReadOnlySpan<byte> line)
    {
        const int Piece = 5;
        ReadOnlySpan<byte> end = line[Math.Max(0, line.Length - (2 * SuffixLength))..];
        for (int i = 0; i + Piece <= Lead.Length; i++)
        {
            if (end.IndexOf(Lead.Slice(i, Piece)) >= 0)
                return true;
        }

        return false;
    }

    private static void Compute(ReadOnlySpan<byte> json, Span<byte> hex)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(json, hash);
        Convert.TryToHexStringLower(hash[..(Digits / 2)], hex, out _);
    }
}

/// <summary>What a line's checksum says.</summary>
internal enum LineState
{
    /// <summary>There is none.</summary>
    Without,

    /// <summary>The line is as it was written.</summary>
    Agrees,

    /// <summary>It is not.</summary>
    Damaged,
}
