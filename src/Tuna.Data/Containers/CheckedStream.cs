using Tuna.IO;
using ZstdSharp;

namespace Tuna.Data.Containers;

/// <summary>An unpacking stream whose errors name the file. A file that ends too early is an error, too.</summary>
internal sealed class CheckedStream(Stream stream, string source, string what) : ForwardStream
{
    public override int Read(Span<byte> buffer)
    {
        try
        {
            return stream.Read(buffer);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(e);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            stream.Dispose();
        base.Dispose(disposing);
    }

    private static bool IsDamage(Exception e) => e is InvalidDataException or ZstdException or EndOfStreamException;

    private DataFormatException Damaged(Exception e) =>
        new($"the {what} data is damaged or cut off: {e.Message.TrimEnd('.')}. Get the file again.", DataPlace.Whole(source),
            innerException: e);
}
