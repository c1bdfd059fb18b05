using System.Text.Json;
using Tuna.IO;

namespace Tuna.Data;

/// <summary>Writes rows one by one into a file that appears under its name only with <see cref="Complete"/>.</summary>
/// <remarks>Used by one thread. Disposed without <see cref="Complete"/>, it leaves what was there before. For a log that must survive a crash row by row, use <see cref="JsonlJournal"/>.</remarks>
/// <typeparam name="T">The row.</typeparam>
public sealed class DataFileWriter<T> : IDisposable
    where T : class
{
    private readonly RowFormat<T> _format;
    private readonly AtomicFile _file;
    private readonly Utf8JsonWriter _json;
    private readonly bool _array;

    /// <summary>Opens a temporary file beside the target.</summary>
    /// <param name="path">The target; its folder is created when it is missing.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="layout">Lines or an array.</param>
    public DataFileWriter(string path, RowFormat<T> format, DataLayout layout = DataLayout.ByExtension)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(format);
        _format = format;
        _array = layout == DataLayout.Array || (layout == DataLayout.ByExtension && Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase));
        _file = new AtomicFile(path);
        _json = new Utf8JsonWriter(_file.Stream, DataFile.WriterOptions);
    }

    /// <summary>Rows written.</summary>
    public long Count { get; private set; }

    /// <summary>Writes a row.</summary>
    public void Write(T row)
    {
        if (_array)
            _file.Stream.Write(Count == 0 ? "[\n"u8 : ",\n"u8);
        _format.Write(_json, row);
        _json.Flush();
        _json.Reset();
        if (!_array)
            _file.Stream.WriteByte((byte)'\n');
        Count++;
    }

    /// <summary>Finishes the file and puts it in place of the target.</summary>
    public void Complete()
    {
        if (_array)
            _file.Stream.Write(Count == 0 ? "[]\n"u8 : "\n]\n"u8);
        _json.Dispose();
        _file.Complete();
    }

    /// <summary>Without <see cref="Complete"/>: deletes the temporary file.</summary>
    public void Dispose()
    {
        _json.Dispose();
        _file.Dispose();
    }
}
