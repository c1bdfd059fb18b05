using System.Buffers;
using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Tuna.Data.Containers;

/// <summary>The rows of a Parquet file as JSON objects, with the lists and structs of Hugging Face data sets. Memory is one row
/// group.</summary>
internal sealed class ParquetRows : RowSource
{
    private readonly string _source;
    private readonly ParquetReader _reader;
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;
    private ParquetNode[] _columns = [];
    private int _group = -1;
    private long _left;
    private long _index = -1;

    public ParquetRows(Stream stream, string source)
    {
        _source = source;
        Place = DataPlace.Whole(source);
        _json = new Utf8JsonWriter(_buffer, DataFile.WriterOptions);
        _reader = Guarded(() => ParquetReader.CreateAsync(stream, leaveStreamOpen: true).GetAwaiter().GetResult());
    }

    public override bool Next(out ReadOnlyMemory<byte> row)
    {
        row = default;
        while (_left == 0)
        {
            if (++_group == _reader.RowGroupCount)
                return false;
            Guarded(OpenGroup);
        }

        _left--;
        Place = new(_source, 0, ++_index, false);
        _buffer.ResetWrittenCount();
        _json.Reset();
        Guarded(WriteRow);
        row = _buffer.WrittenMemory;
        return true;
    }

    public override void Dispose()
    {
        Free();
        _json.Dispose();
        _reader?.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private bool OpenGroup()
    {
        Free();
        using ParquetRowGroupReader group = _reader.OpenRowGroupReader(_group);
        _left = group.RowCount;
        var columns = new List<ParquetNode>();
        foreach (Field field in _reader.Schema.Fields)
            columns.Add(ParquetNode.Of(field, leaf => group.ReadRawColumnDataBaseAsync(leaf, default).AsTask().GetAwaiter().GetResult()));
        _columns = [.. columns];
        return true;
    }

    private bool WriteRow()
    {
        _json.WriteStartObject();
        foreach (ParquetNode column in _columns)
        {
            _json.WritePropertyName(column.Name);
            column.Write(_json);
        }

        _json.WriteEndObject();
        _json.Flush();
        return true;
    }

    private void Free()
    {
        foreach (ParquetNode column in _columns)
            column.Dispose();
        _columns = [];
    }

    // A damaged file makes the library fail in ways of its own.
    private T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (DataFormatException or OutOfMemoryException or UnauthorizedAccessException))
        {
            throw new DataFormatException(
                $"the Parquet file cannot be read: {e.Message.TrimEnd('.')}. Get the file again, or save the data set as JSON Lines.",
                Place, innerException: e);
        }
    }
}
