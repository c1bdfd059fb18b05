using System.Buffers;
using System.Text;
using System.Text.Json;
using nietras.SeparatedValues;

namespace Tuna.Data.Containers;

/// <summary>The rows of a CSV file (RFC 4180, with a header) as JSON objects: a cell is a text, an empty one null.</summary>
/// <remarks>
/// A field that is a list or an object in the forms (<c>score</c>, <c>messages</c>, <c>completions</c>, ..) is one here when its cell holds
/// it as JSON. Python's notation of lists, which pandas writes, is refused by name: it would be taken for text.
/// </remarks>
internal sealed class CsvRows : RowSource
{
    // Fields that are never a plain text in any form.
    private static readonly HashSet<string> Structured =
    [
        "score", "scores", "model", "models", "logprob", "tokens", "completions", "answers", "conversations", "conversation", "messages",
            "instances", "responses", "generation", "rank", "length", "orig",
        "history", "candidate_notes", "aspects", "prompt_messages",
    ];

    private readonly string _source;
    private readonly int _maxRowBytes;
    private readonly StreamReader _text;
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;
    private readonly SepReader _reader;
    private readonly string[] _names;
    private readonly bool _ranked;
    private readonly bool _published; // the paper's form, whose texts are a list
    private long _index = -1;

    public CsvRows(Stream stream, string source, char separator, int maxRowBytes)
    {
        (_source, _maxRowBytes) = (source, maxRowBytes);
        Place = DataPlace.Whole(source);
        _json = new Utf8JsonWriter(_buffer, DataFile.WriterOptions);
        _text = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true,
            leaveOpen: true);
        _reader = Guarded(() => Sep.New(separator).Reader(o => o with { Unescape = true, HasHeader = false, DisableColCountCheck = true })
            .From(_text));
        _names = Header();
        if (_names.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new DataFormatException("the header has this name twice. Rename one.", new(source, 1, -1, false), twice.Key);
        _published = _names.Contains("orig");
        _ranked = _names.Any(n => n is "score" or "order" or "logprob" or "model");
    }

    public override bool Next(out ReadOnlyMemory<byte> row)
    {
        row = default;
        while (Guarded(_reader.MoveNext))
        {
            SepReader.Row cells = _reader.Current;
            if (cells.ColCount == 1 && _names.Length > 1 && cells[0].Span.IsEmpty)
                continue; // a blank line
            Place = new(_source, cells.LineNumberFrom, ++_index, false);
            if (cells.ColCount != _names.Length)
                throw new DataFormatException(
                    $"the row has {cells.ColCount} cells, the header {_names.Length}. Is a quote or a separator missing?", Place);
            _buffer.ResetWrittenCount();
            _json.Reset();
            _json.WriteStartObject();
            for (int i = 0; i < _names.Length; i++)
            {
                _json.WritePropertyName(_names[i]);
                WriteCell(_names[i], cells[i].Span);
            }

            _json.WriteEndObject();
            _json.Flush();
            if (_buffer.WrittenCount > _maxRowBytes)
                throw new DataFormatException(RowSplitter.TooLong(_maxRowBytes), Place);
            row = _buffer.WrittenMemory;
            return true;
        }

        return false;
    }

    public override void Dispose()
    {
        _reader?.Dispose();
        _text.Dispose();
        _json.Dispose();
    }

    private string[] Header()
    {
        if (!Guarded(_reader.MoveNext))
            return [];
        SepReader.Row cells = _reader.Current;
        string[] names = new string[cells.ColCount];
        for (int i = 0; i < names.Length; i++)
            names[i] = cells[i].ToString();
        return names;
    }

    private void WriteCell(string name, ReadOnlySpan<char> cell)
    {
        if (cell.IsEmpty)
            _json.WriteNullValue();
        else if (cell[0] is '[' or '{' && Holds(name, cell))
            _json.WriteRawValue(cell);
        else
            _json.WriteStringValue(cell);
    }

    // Whether a cell is JSON where the field can be a list or an object.
    private bool Holds(string name, ReadOnlySpan<char> cell)
    {
        bool structured = Structured.Contains(name) || (name == "text" && _published);
        bool sides = name is "chosen" or "rejected" or "prompt";
        bool output = name == "output";
        if (!structured && !sides && !output)
            return false;
        try
        {
            using JsonDocument value = JsonDocument.Parse(cell.ToString());
            return structured
                || (sides && Formats.ChatText.IsConversation(value.RootElement))
                || (output && _ranked && value.RootElement.ValueKind == JsonValueKind.Array
                    && value.RootElement.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String));
        }
        catch (JsonException e)
        {
            bool list = output && _ranked && cell.StartsWith("['", StringComparison.Ordinal)
                && cell.EndsWith("']", StringComparison.Ordinal);
            if (structured || list || cell.StartsWith("[{'", StringComparison.Ordinal))
                throw new DataFormatException(
                    "the cell holds a list or an object that is not JSON, as pandas writes it (Python's notation). Save the data set as "
                    + "Parquet or JSON Lines, or write JSON into the cell.", Place, name, null, e);
            return false;
        }
    }

    private TResult Guarded<TResult>(Func<TResult> read)
    {
        try
        {
            return read();
        }
        catch (DecoderFallbackException e)
        {
            throw new DataFormatException("the file is not UTF-8. Save it as UTF-8.", Place, innerException: e);
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            throw new DataFormatException($"the CSV cannot be read after this place: {e.Message}", Place, innerException: e);
        }
    }
}
