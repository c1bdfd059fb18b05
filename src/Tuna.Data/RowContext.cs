using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Unicode;
using Tuna.Data.Formats;
using Tuna.IO;

namespace Tuna.Data;

/// <summary>What a <see cref="RowFormat{T}"/> needs besides the JSON: the row's place for errors, and helpers that read values
/// strictly.</summary>
public sealed class RowContext
{
    internal const string NoText = "the text is not valid: bytes that are not UTF-8, or half a surrogate pair. Save the file as UTF-8.";

    private readonly string?[] _shared = new string?[64];
    private char[] _chars = [];

    internal RowContext(string source, DataReadOptions? options = null)
    {
        Place = DataPlace.Whole(source);
        Options = options ?? DataReadOptions.Default;
    }

    /// <summary>The rules of this reading.</summary>
    internal DataReadOptions Options { get; }

    /// <summary>Whether the row's id is its position.</summary>
    internal bool IdIsPosition { get; set; }

    /// <summary>Where the row is.</summary>
    public DataPlace Place { get; internal set; }

    /// <summary>The row's id as far as it has been read; named in errors.</summary>
    public string? RowId { get; set; }

    /// <summary>The row's bytes.</summary>
    internal ReadOnlyMemory<byte> Raw { get; set; }

    /// <summary>Where the values of an ordinary ranked row stand.</summary>
    internal RankedRowScan Scan { get; } = new();

    /// <summary>The error for this row.</summary>
    public DataFormatException Error(string message, string? key = null) => new(message, Place, key, RowId);

    /// <summary>Whether the row is of another container, and its JSON was made on reading.</summary>
    internal bool IsConverted { get; init; }

    /// <summary>Refuses a row that ends with a journal's checksum (<see cref="JsonlJournal"/>) and does not agree with it; a row without
    /// one passes. For formats whose files are journals as well.</summary>
    /// <exception cref="DataFormatException">The row was damaged or edited.</exception>
    public void CheckLine()
    {
        if (!IsConverted && !JsonlJournal.ChecksumAgrees(Raw.Span))
            throw Error(
                "the row is not what was written: it does not agree with its checksum. Make it again; or, where it was edited on purpose, "
                + "take the checksum out.", "checksum");
    }

    /// <summary>Requires the reader to stand on a token type.</summary>
    public void Expect(in Utf8JsonReader reader, JsonTokenType type, string? key = null)
    {
        if (reader.TokenType != type)
            throw Error($"expected {Name(type)}, found {Name(reader.TokenType)}.", key);
    }

    /// <summary>Reads a string.</summary>
    public string String(ref Utf8JsonReader reader, string key)
    {
        Expect(reader, JsonTokenType.String, key);
        return Text(ref reader, key);
    }

    /// <summary>Reads a string or null.</summary>
    public string? StringOrNull(ref Utf8JsonReader reader, string key) =>
        reader.TokenType == JsonTokenType.Null ? null : String(ref reader, key);

    /// <summary>Reads an array of strings.</summary>
    public string[] Strings(ref Utf8JsonReader reader, string key)
    {
        var items = new List<string>(8);
        Expect(reader, JsonTokenType.StartArray, key);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.String)
                throw Error($"item {items.Count} is {Name(reader.TokenType)}; every item is a string.", key);
            items.Add(Text(ref reader, key));
        }

        return [.. items];
    }

    /// <summary>Reads an array of strings and nulls, of which few differ from row to row; equal ones are one object.</summary>
    public string?[] SharedStrings(ref Utf8JsonReader reader, string key)
    {
        var items = new List<string?>(8);
        Expect(reader, JsonTokenType.StartArray, key);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
                throw Error($"item {items.Count} is {Name(reader.TokenType)}; every item is a string or null.", key);
            items.Add(reader.TokenType == JsonTokenType.Null ? null : Shared(ref reader, key));
        }

        return [.. items];
    }

    /// <summary>Reads an array of finite numbers and nulls.</summary>
    public double?[] Numbers(ref Utf8JsonReader reader, string key)
    {
        var items = new List<double?>(8);
        Expect(reader, JsonTokenType.StartArray, key);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            items.Add(NumberOrNull(ref reader, key, items.Count));
        return [.. items];
    }

    /// <summary>Reads a finite number or null.</summary>
    /// <param name="reader">Stands on the value.</param>
    /// <param name="key">The field.</param>
    /// <param name="item">Position in an array, for the message; -1 when it is not in one.</param>
    public double? NumberOrNull(ref Utf8JsonReader reader, string key, int item = -1)
    {
        string what = item < 0 ? "the value" : $"item {item}";
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.Number when reader.TryGetDouble(out double value) && double.IsFinite(value):
                return value;
            case JsonTokenType.Number:
                throw Error($"{what} is outside the range of a double; scores are finite.", key);
            default:
                throw Error($"{what} is {Name(reader.TokenType)}; write a finite number, or null when it is missing.", key);
        }
    }

    /// <summary>Reads an array of integers and nulls.</summary>
    public int?[] Integers(ref Utf8JsonReader reader, string key)
    {
        var items = new List<int?>(8);
        Expect(reader, JsonTokenType.StartArray, key);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            int value = 0;
            if (reader.TokenType != JsonTokenType.Null && !(reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out value)))
                throw Error($"item {items.Count} is not a 32-bit integer; write an integer, or null when it is missing.", key);
            items.Add(reader.TokenType == JsonTokenType.Null ? null : value);
        }

        return [.. items];
    }

    /// <summary>Reads an id, a string or a number, and remembers it for errors.</summary>
    /// <returns>The id's text and whether it is a number; null for a JSON null.</returns>
    public (string? Id, bool IsNumber) Id(ref Utf8JsonReader reader, string key = "id")
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return (RowId = Text(ref reader, key), false);
            case JsonTokenType.Number:
                return (RowId = System.Text.Encoding.UTF8.GetString(reader.ValueSpan), true);
            case JsonTokenType.Null:
                return (null, false);
            default:
                throw Error($"the id is {Name(reader.TokenType)}; an id is a string or a number.", key);
        }
    }

    /// <summary>Keeps a field that the format does not know.</summary>
    /// <param name="reader">Stands on the field's name; is left on the last token of its value.</param>
    public ExtraField Extra(ref Utf8JsonReader reader) => Extra(ref reader, null);

    internal ExtraField Extra(ref Utf8JsonReader reader, FieldNames? names)
    {
        string name = Shared(ref reader, "a field name");
        name = names?.InRow(name) ?? name;
        reader.Read();
        int start = (int)reader.TokenStartIndex;
        reader.Skip();
        return new(name, System.Text.Encoding.UTF8.GetString(Raw.Span[start..(int)reader.BytesConsumed]));
    }

    /// <summary>A string of which few differ from row to row (names of fields and models): equal ones are one object.</summary>
    public string Shared(ref Utf8JsonReader reader, string key)
    {
        return (reader.ValueIsEscaped ? null : Shared(reader.ValueSpan)) ?? Text(ref reader, key);
    }

    /// <summary>A string of unescaped UTF-8; null when it is not valid.</summary>
    internal string? Shared(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return "";
        int slot = (bytes.Length + (bytes[0] * 7) + (bytes[^1] * 31) + (bytes[bytes.Length / 2] * 3)) & (_shared.Length - 1);
        Span<char> chars = CharBuffer(bytes.Length);
        if (Utf8.ToUtf16(bytes, chars, out _, out int count, replaceInvalidSequences: false) != OperationStatus.Done)
            return null;
        if (_shared[slot] is not { } text || !text.AsSpan().SequenceEqual(chars[..count]))
        {
            text = new string(chars[..count]);
            if (count <= 256)
                _shared[slot] = text;
        }

        return text;
    }

    /// <summary>Scratch for decoding, at least of a length; it is the same one each time.</summary>
    internal Span<char> CharBuffer(int length)
    {
        if (_chars.Length < length)
            _chars = new char[Math.Max(1024, (int)BitOperations.RoundUpToPowerOf2((uint)length))];
        return _chars;
    }

    /// <summary>The text of an id on which the reader stands; null when it is not valid.</summary>
    internal static string? IdText(in Utf8JsonReader reader)
    {
        try
        {
            return reader.TokenType == JsonTokenType.String ? reader.GetString() : System.Text.Encoding.UTF8.GetString(reader.ValueSpan);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    internal static string Name(JsonTokenType type) => type switch
    {
        JsonTokenType.StartObject or JsonTokenType.EndObject => "an object",
        JsonTokenType.StartArray or JsonTokenType.EndArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        JsonTokenType.Null => "null",
        JsonTokenType.PropertyName => "a field name",
        _ => type.ToString(),
    };

    internal string PositionId()
    {
        IdIsPosition = true;
        return ((Options.Joined?.RowsBefore ?? 0) + Place.Index).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Counts something that was decided about the row.</summary>
    internal void Note(string reason) => Options.Report?.Add(reason);

    // The reader checks JSON's grammar as it goes, but UTF-8 and surrogate pairs only when the text is asked for.
    private string Text(ref Utf8JsonReader reader, string key)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Error(NoText, key);
        }
    }
}
