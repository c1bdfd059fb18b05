using System.IO.Compression;
using Tuna.IO;

namespace Tuna.Data.Containers;

/// <summary>Unpacks gzip, of one member or several, and notices a file that was cut off, at whatever byte: <see cref="GZipStream"/> takes
/// the end of its input for the end of the data.</summary>
/// <remarks>
/// A member that says a few known bytes is put behind the input. Only where the input is complete does the output end with them; otherwise
/// they are taken for the rest of what was cut, which is no valid rest.
/// </remarks>
internal sealed class GzipReader : ForwardStream
{
    private static readonly byte[] Mark = "end of the gzip file"u8.ToArray();
    private static readonly byte[] SealedMark = Pack(Mark);

    private readonly Sealed _input;
    private readonly GZipStream _unpacked;
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start, _end; // what is unpacked and not given out; its last bytes may be the mark
    private bool _ended;

    /// <param name="stream">The packed bytes; left open.</param>
    public GzipReader(Stream stream)
    {
        _input = new Sealed(stream);
        _unpacked = new GZipStream(_input, CompressionMode.Decompress);
    }

    public override int Read(Span<byte> buffer)
    {
        while (!_ended && Ready == 0)
            Took(_unpacked.Read(_buffer, _end, _buffer.Length - _end));
        return Give(buffer);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!_ended && Ready == 0)
            Took(await _unpacked.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false));
        return Give(buffer.Span);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpacked.Dispose();
            _input.Dispose();
        }
        base.Dispose(disposing);
    }

    private int Ready => Math.Max(0, _end - _start - Mark.Length);

    private void Took(int count)
    {
        _end += count;
        if (count > 0)
            return;
        if (!_buffer.AsSpan(_start, _end - _start).SequenceEqual(Mark))
            throw new InvalidDataException("It ends too early, or something follows that is no gzip.");
        _ended = true;
    }

    private int Give(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, Ready);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        if (Ready == 0 && !_ended)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        return count;
    }

    // Fast, so that the letters are coded: the mark's own bytes are not among those of its member.
    private static byte[] Pack(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            gzip.Write(content);
        return packed.ToArray();
    }

    /// <summary>A stream and the member behind it.</summary>
    private sealed class Sealed(Stream stream) : ForwardStream
    {
        private int _given;
        private bool _through;

        public override int Read(Span<byte> buffer)
        {
            int count = _through ? 0 : stream.Read(buffer);
            return count > 0 ? count : Seal(buffer);
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = _through ? 0 : await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            return count > 0 ? count : Seal(buffer.Span);
        }

        private int Seal(Span<byte> buffer)
        {
            _through |= buffer.Length > 0;
            int count = Math.Min(buffer.Length, SealedMark.Length - _given);
            SealedMark.AsSpan(_given, count).CopyTo(buffer);
            _given += count;
            return count;
        }
    }
}
