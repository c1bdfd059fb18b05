using System.IO.Compression;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Http;

/// <summary>Answers that a gateway packed although nobody asked for it: taken for text they would be no JSON, and asked and paid for
/// again.</summary>
internal static class PackedBody
{
    /// <summary>Whether a body is packed, by its headers or by its first bytes.</summary>
    public static bool Is(ReadOnlySpan<byte> body, ICollection<string> encodings) =>
        encodings.Any(e => e is not "identity") || StartsAsGzip(body);

    /// <summary>Unpacks a body.</summary>
    /// <param name="body">All bytes of it.</param>
    /// <param name="encodings">As the header Content-Encoding lists them, in the order they were applied.</param>
    /// <param name="limit">Most bytes.</param>
    /// <returns>The bytes, and whether they are all within the limit.</returns>
    /// <exception cref="ChatServiceException">It is damaged, or packed in a way that is not known.</exception>
    public static (byte[] Bytes, bool Whole) Unpack(byte[] body, ICollection<string> encodings, long limit)
    {
        bool whole = true;
        string[] applied = encodings.Count == 0 ? ["gzip"] : [.. encodings.Reverse()];
        foreach (string encoding in applied)
        {
            if (whole)
                (body, whole) = Unpack(body, encoding, limit);
        }

        return (body, whole);
    }

    private static (byte[] Bytes, bool Whole) Unpack(byte[] body, string encoding, long limit)
    {
        using var packed = new MemoryStream(body);
        using Stream? unpacked = encoding.Trim().ToLowerInvariant() switch
        {
            // Some servers say gzip and send plain text all the same.
            "gzip" or "x-gzip" => StartsAsGzip(body) ? new GZipStream(packed, CompressionMode.Decompress) : null,
            "deflate" => new ZLibStream(packed, CompressionMode.Decompress),
            "br" => new BrotliStream(packed, CompressionMode.Decompress),
            "identity" or "" => null,
            _ => throw new ChatServiceException(
                $"The service packed its answer in a way that is not known (Content-Encoding: {Text.ForeignText.Shorten(encoding, 40)}).",
                new ServiceError(200, ServiceError.NotUnderstood)) { Answer = Convert.ToBase64String(body) },
        };
        if (unpacked is null)
            return (body, true);
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[1 << 14];
        try
        {
            for (int read; (read = unpacked.Read(buffer)) > 0; bytes.Write(buffer, 0, read))
            {
                if (bytes.Length + read > limit)
                    return (bytes.ToArray(), false);
            }
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException)
        {
            throw new ChatServiceException($"The service's answer is packed ({encoding}) and damaged.", new ServiceError(200), e);
        }

        return (bytes.ToArray(), true);
    }

    private static bool StartsAsGzip(ReadOnlySpan<byte> body) => body.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);
}
