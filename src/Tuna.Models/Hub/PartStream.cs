using Tuna.IO;

namespace Tuna.Models.Hub;

/// <summary>The next bytes of a stream, so many and no more; the stream stays open.</summary>
internal sealed class PartStream(Stream stream, long count) : ForwardStream
{
    private long _left = count;

    public override int Read(Span<byte> buffer)
    {
        int read = stream.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        _left -= read;
        return read;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await stream.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read;
        return read;
    }
}
