using System.Net;
using System.Security.Cryptography;
using System.Text;
using Tuna.IO;

namespace Tuna.Models.Hub;

/// <summary>One file from the service into the cache: resumed where it was left, checked against its hash, by one process at a
/// time.</summary>
internal sealed class HubDownload(HubConnection connection, HubCache cache, HubRepository repository, TimeProvider time)
{
    private static readonly TimeSpan WaitForOthers = TimeSpan.FromSeconds(1);

    /// <summary>Brings a file of a commit; one that is there is not asked for again.</summary>
    public async Task<string> BringAsync(string commit, string file, IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        string target = cache.File(commit, file);
        if (File.Exists(target))
            return target;
        string what = $"{repository.Name}/{file}", path = repository.FilePath(commit, file);
        (string etag, long size) = await MetadataAsync(path, what, cancellationToken);
        string blob = cache.Blob(etag);
        using (await LockAsync(etag, cancellationToken))
        {
            if (!File.Exists(blob))
                await FetchAsync(path, what, file, etag, size, blob, progress, cancellationToken);
        }

        HubCache.Link(blob, target);
        return target;
    }

    // Large files lie elsewhere: their hash and length are in headers of the redirection, which is not followed here.
    private async Task<(string Etag, long Size)> MetadataAsync(string path, string what, CancellationToken cancellationToken)
    {
        using HttpResponseMessage head = await connection.SendAsync(HttpMethod.Head, path, what, null, follow: false, cancellationToken);
        string? etag = (HubConnection.Header(head, "X-Linked-Etag")
            ?? HubConnection.Header(head, "ETag"))?.Replace("W/", "", StringComparison.Ordinal).Trim('"');
        long? size = long.TryParse(HubConnection.Header(head, "X-Linked-Size"), System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out long linked) ? linked : head.Content.Headers.ContentLength;
        if (etag is null || etag.Length is not (40 or 64) || !etag.All(char.IsAsciiHexDigit) || size is not >= 0)
            throw new HubException($"{what}: the service names no hash or length of the file, so it cannot be checked.");
        return (etag.ToLowerInvariant(), size.Value);
    }

    private async Task<FileLock> LockAsync(string etag, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return FileLock.Acquire(cache.Lock(etag));
            }
            catch (FileInUseException)
            {
                await Task.Delay(WaitForOthers, time, cancellationToken);
            }
        }
    }

    private async Task FetchAsync(
        string path, string what, string file, string etag, long size, string blob, IProgress<HubProgress>? progress,
            CancellationToken cancellationToken)
    {
        string incomplete = blob + ".incomplete";
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        using (var stream = new FileStream(incomplete, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            if (stream.Length > size)
                stream.SetLength(0);
            using IncrementalHash hash = etag.Length == 64 ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : GitBlob(size);
            await HashAsync(stream, hash, cancellationToken);
            if (stream.Length < size)
                await AppendAsync(stream, hash, path, what, file, size, progress, cancellationToken);
            if (stream.Length != size)
                throw new HubException(
                    $"{what}: the connection ended after {stream.Length} of {size} bytes. Run the same command again: it goes on from "
                    + $"there.");
            await stream.FlushAsync(cancellationToken);
            string found = Convert.ToHexStringLower(hash.GetHashAndReset());
            if (found != etag)
            {
                stream.SetLength(0);
                throw new HubException(
                    $"{what}: the bytes that came have the hash {found} instead of {etag}. They were thrown away; run the same command "
                    + $"again.");
            }
        }

        File.Move(incomplete, blob, overwrite: true);
    }

    private async Task AppendAsync(
        FileStream stream, IncrementalHash hash, string path, string what, string file, long size, IProgress<HubProgress>? progress,
            CancellationToken cancellationToken)
    {
        using HttpResponseMessage response =
            await connection.SendAsync(HttpMethod.Get, path, what, stream.Length, follow: true, cancellationToken);
        if (stream.Length > 0 && response.StatusCode != HttpStatusCode.PartialContent)
        {
            // A server that does not resume sends the file from its beginning.
            stream.SetLength(0);
            hash.GetHashAndReset();
            if (hash.AlgorithmName == HashAlgorithmName.SHA1)
                hash.AppendData(Header(size));
        }

        await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        byte[] buffer = new byte[1 << 17];
        while (true)
        {
            int count;
            try
            {
                count = await body.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                return; // what came is kept; its length tells
            }

            if (count == 0 || stream.Length + count > size)
                return;
            await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            hash.AppendData(buffer, 0, count);
            progress?.Report(new(file, stream.Length, size));
        }
    }

    private static async Task HashAsync(FileStream stream, IncrementalHash hash, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[1 << 17];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancellationToken)) > 0)
            hash.AppendData(buffer, 0, count);
    }

    // A small file's hash is Git's own: SHA-1 of a header and the content.
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5350",
        Justification = "The hash that Git and the service name a file by.")]
    private static IncrementalHash GitBlob(long size)
    {
        IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Header(size));
        return hash;
    }

    private static byte[] Header(long size) =>
        Encoding.ASCII.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"blob {size}\0"));
}

/// <summary>How far a download is.</summary>
/// <param name="File">The file's name in its repository.</param>
/// <param name="Done">Bytes that are here.</param>
/// <param name="Total">Bytes of the file.</param>
public readonly record struct HubProgress(string File, long Done, long Total);
