using System.IO.Compression;
using Tuna.Data.Formats;
using ZstdSharp;

namespace Tuna.Data.Containers;

/// <summary>A file of rows with its container told by its first bytes: JSON, CSV or Parquet, also inside gzip or Zstandard.</summary>
internal sealed class DataContainer : IDisposable
{
    private const int HeadBytes = 1 << 14;

    private readonly List<IDisposable> _owned = [];

    private DataContainer()
    {
    }

    /// <summary>JSON Lines or an array; null when there are <see cref="Rows"/>.</summary>
    public Stream? Json { get; private set; }

    /// <summary>The rows of another container; null for JSON.</summary>
    public RowSource? Rows { get; private set; }

    /// <summary>Looks at a stream, which is left open.</summary>
    /// <param name="stream">The bytes.</param>
    /// <param name="name">Names the stream in errors; a name that ends with <c>.csv</c> or <c>.tsv</c> says that text is that.</param>
    /// <param name="maxRowBytes">Longest row.</param>
    /// <exception cref="DataFormatException">The container is none that can be read.</exception>
    public static DataContainer Open(Stream stream, string name, int maxRowBytes)
    {
        var container = new DataContainer();
        try
        {
            container.Open(stream, name, name, maxRowBytes);
            return container;
        }
        catch
        {
            container.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Rows?.Dispose();
        for (int i = _owned.Count - 1; i >= 0; i--)
            _owned[i].Dispose();
    }

    private void Open(Stream stream, string name, string source, int maxRowBytes)
    {
        byte[] head = new byte[HeadBytes];
        int count = ReadHead(stream, head);
        ReadOnlySpan<byte> start = head.AsSpan(0, count);
        Stream whole = Rewind(stream, head, count);
        if (start.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) && count < 18)
            throw new DataFormatException("the gzip data is damaged or cut off: it ends within its header. Get the file again.",
                DataPlace.Whole(source));
        else if (start.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]))
            Open(Checked(new GzipReader(whole), source, "gzip"), Inner(name, ".gz"), source,
                maxRowBytes);
        else if (start.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]))
            Open(Checked(new DecompressionStream(whole, leaveOpen: true), source, "Zstandard"), Inner(name, ".zst"), source, maxRowBytes);
        else if (start.StartsWith("PAR1"u8))
            Rows = new ParquetRows(Seekable(whole), source);
        else if (Refusal(start) is { } reason)
            throw new DataFormatException(reason, DataPlace.Whole(source));
        else if (IsCsv(start, name, out char separator))
            Rows = new CsvRows(whole, source, separator, maxRowBytes);
        else
            Json = whole;
    }

    private CheckedStream Checked(Stream stream, string source, string what)
    {
        var checkedStream = new CheckedStream(stream, source, what);
        _owned.Add(checkedStream);
        return checkedStream;
    }

    // Enough to tell: a packed file's shortest length, and of text that is no JSON its first line.
    private static int ReadHead(Stream stream, byte[] head)
    {
        int count = 0;
        while (count < head.Length)
        {
            int read = stream.Read(head, count, head.Length - count);
            count += read;
            if (read == 0 || (count >= 18 && (IsJson(head.AsSpan(0, count)) || head.AsSpan(0, count).Contains((byte)'\n'))))
                break;
        }

        return count;
    }

    private Stream Rewind(Stream stream, byte[] head, int count)
    {
        if (stream.CanSeek)
        {
            stream.Seek(-count, SeekOrigin.Current);
            return stream;
        }

        var whole = new PrefixStream(head.AsMemory(0, count), stream);
        _owned.Add(whole);
        return whole;
    }

    // Parquet is read from its end. What cannot be sought goes to a temporary file first.
    private Stream Seekable(Stream stream)
    {
        if (stream.CanSeek)
            return stream;
        var file = new FileStream(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite,
            FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        _owned.Add(file);
        stream.CopyTo(file);
        file.Position = 0;
        return file;
    }

    private static string Inner(string name, string extension) =>
        name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) ? name[..^extension.Length] : name;

    private static bool IsJson(ReadOnlySpan<byte> start)
    {
        ReadOnlySpan<byte> text = (start.StartsWith("\uFEFF"u8) ? start[3..] : start).TrimStart(" \t\r\n"u8);
        return text.Length > 0 && text[0] is (byte)'{' or (byte)'[';
    }

    // Files that end up in data sets' folders, and what to do with them.
    private static string? Refusal(ReadOnlySpan<byte> start) =>
        start.StartsWith("PK\x03\x04"u8) ? "this is a zip archive. Unpack it and name the file in it."
        : start.StartsWith("BZh"u8) ? "this is compressed with bzip2. Unpack it; gzip and Zstandard are read as they are."
        : start.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z'])
            ? "this is compressed with xz. Unpack it; gzip and Zstandard are read as they are."
        : start.StartsWith("ARROW1"u8) || start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFF, 0xFF, 0xFF])
            ? "this is an Arrow file. Save the data set as Parquet or JSON Lines (to_parquet, to_json)."
        : start.StartsWith("version https://git-lfs"u8) ? "this is a Git LFS pointer, not the data. Fetch the file itself (git lfs pull)."
        : start.TrimStart(" \t\r\n"u8).StartsWith("<"u8)
            ? "this is HTML or XML: a page was saved instead of the file. Download the file itself."
        : null;

    private static bool IsCsv(ReadOnlySpan<byte> start, string name, out char separator)
    {
        separator = ',';
        if (IsJson(start) || start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || start.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            return false;
        ReadOnlySpan<byte> text = start.StartsWith("\uFEFF"u8) ? start[3..] : start;
        int end = text.IndexOfAny((byte)'\n', (byte)'\r');
        string header = System.Text.Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
        bool tabs = name.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase);
        separator = tabs ? '\t' : ",;\t|".MaxBy(c => header.Count(h => h == c));
        if (tabs || name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase))
            return header.Length > 0;
        return header.Contains(separator) && header.Split(separator).Any(field => FormFields.IsKnown(field.Trim().Trim('"')));
    }
}
