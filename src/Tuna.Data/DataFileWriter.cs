using System.IO.Compression;
using System.Text.Json;
using Tuna.IO;
using ZstdSharp;

namespace Tuna.Data;

/// <summary>Writes rows one by one into a file that appears under its name only with <see cref="Complete"/>.</summary>
/// <remarks>Used by one thread. Disposed without <see cref="Complete"/>, it leaves what was there before. For a log that must survive a
/// crash row by row, use <see cref="JsonlJournal"/>.</remarks>
/// <typeparam name="T">The row.</typeparam>
public sealed class DataFileWriter<T> : IDisposable
    where T : class
{
    // A file of these names that holds JSON would mislead every other program.
    private static readonly string[] Refused = [".parquet", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst", ".arrow", ".zip"];

    private readonly RowFormat<T> _format;
    private readonly AtomicFile _file;
    private readonly Utf8JsonWriter _json;
    private readonly bool _array;
    private readonly Stream? _packer;
    private readonly Stream _stream;

    /// <summary>Opens a temporary file beside the target.</summary>
    /// <param name="path">The target; its folder is created when it is missing. <c>.gz</c> and <c>.zst</c> pack it.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="layout">Lines or an array.</param>
    public DataFileWriter(string path, RowFormat<T> format, DataLayout layout = DataLayout.ByExtension)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(format);
        _format = format;
        if (Refused.FirstOrDefault(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase)) is { } extension)
            throw new ArgumentException(
                $"{path}: rows are written as JSON, not as {extension[1..]}. Name the file .jsonl or .json, also with .gz or .zst.",
                nameof(path));
        string inner = path;
        bool gzip = TakeOff(ref inner, ".gz"), zstandard = !gzip && TakeOff(ref inner, ".zst");
        _array = layout == DataLayout.Array
            || (layout == DataLayout.ByExtension && Path.GetExtension(inner).Equals(".json", StringComparison.OrdinalIgnoreCase));
        _file = new AtomicFile(path);
        _packer = gzip ? new GZipStream(_file.Stream, CompressionLevel.Optimal, leaveOpen: true)
            : zstandard ? new CompressionStream(_file.Stream, leaveOpen: true) : null;
        _stream = _packer ?? _file.Stream;
        _json = new Utf8JsonWriter(_stream, DataFile.WriterOptions);
    }

    /// <summary>Rows written.</summary>
    public long Count { get; private set; }

    /// <summary>Writes a row.</summary>
    public void Write(T row)
    {
        if (_array)
            _stream.Write(Count == 0 ? "[\n"u8 : ",\n"u8);
        _format.Write(_json, row);
        _json.Flush();
        _json.Reset();
        if (!_array)
            _stream.WriteByte((byte)'\n');
        Count++;
    }

    /// <summary>Finishes the file and puts it in place of the target.</summary>
    public void Complete()
    {
        if (_array)
            _stream.Write(Count == 0 ? "[]\n"u8 : "\n]\n"u8);
        _json.Dispose();
        _packer?.Dispose();
        _file.Complete();
    }

    /// <summary>Without <see cref="Complete"/>: deletes the temporary file.</summary>
    public void Dispose()
    {
        _json.Dispose();
        _packer?.Dispose();
        _file.Dispose();
    }

    private static bool TakeOff(ref string path, string extension)
    {
        if (!path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            return false;
        path = path[..^extension.Length];
        return true;
    }
}
