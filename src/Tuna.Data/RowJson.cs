using System.Text.Json;
using Tuna.Data.Formats;

namespace Tuna.Data;

/// <summary>Parts of rows that several formats write alike.</summary>
internal static class RowJson
{
    public static void WriteId(Utf8JsonWriter writer, string id, bool isNumber)
    {
        writer.WritePropertyName("id"u8);
        if (isNumber)
            writer.WriteRawValue(id); // checked: a text that is no number throws
        else
            writer.WriteStringValue(id);
    }

    public static void WriteExtra(Utf8JsonWriter writer, IReadOnlyList<ExtraField> fields, FieldNames names)
    {
        HashSet<string>? written = fields.Count > 1 ? new(fields.Count, StringComparer.Ordinal) : null;
        foreach (ExtraField field in fields)
        {
            if (written?.Add(field.Name) == false)
                throw new ArgumentException($"The row has two fields '{field.Name}'; rename one.", nameof(fields));
            writer.WritePropertyName(names.InFile(field.Name));
            writer.WriteRawValue(OneLine(field.Json));
        }
    }

    public static void WriteStrings(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IReadOnlyList<string?> items)
    {
        writer.WriteStartArray(name);
        foreach (string? item in items)
            writer.WriteStringValue(item); // null is written as null
        writer.WriteEndArray();
    }

    public static void WriteNumber(Utf8JsonWriter writer, ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
        else
            writer.WriteNull(name);
    }

    public static void WriteNumbers(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IReadOnlyList<double?> items)
    {
        writer.WriteStartArray(name);
        foreach (double? item in items)
        {
            if (item is { } value)
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }

        writer.WriteEndArray();
    }

    public static void WriteIntegers(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IReadOnlyList<int?> items)
    {
        writer.WriteStartArray(name);
        foreach (int? item in items)
        {
            if (item is { } value)
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }

        writer.WriteEndArray();
    }

    // A value that was pretty-printed over several lines must not break a line of JSONL. Inside JSON strings newlines are escaped, so these
    // are all spaces.
    private static string OneLine(string json) => json.AsSpan().ContainsAny('\n', '\r') ? json.Replace('\n', ' ').Replace('\r', ' ') : json;
}
