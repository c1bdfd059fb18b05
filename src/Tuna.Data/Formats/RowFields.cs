using System.Globalization;
using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>Strict access to the fields of a row, with errors that name the field.</summary>
internal static class RowFields
{
    public static (string? Id, bool IsNumber) Id(JsonElement row, RowContext context)
    {
        // prompt_id and the like name the prompt, of which there may be several rows.
        if (!row.TryGetProperty("id", out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return (null, false);
        return value.ValueKind switch
        {
            JsonValueKind.String => (value.GetString(), false),
            JsonValueKind.Number => (value.GetRawText(), true),
            _ => throw context.Error($"the id is {Name(value)}; an id is a string or a number.", "id"),
        };
    }

    public static JsonElement Required(JsonElement row, string key, RowContext context) =>
        row.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? value : throw context.Error("this field is missing; every row of this form has it.", key);

    public static string Text(JsonElement value, string key, RowContext context) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw context.Error($"expected a string, found {Name(value)}.", key);

    public static string? OptionalText(JsonElement row, string key, RowContext context) =>
        row.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? Text(value, key, context) : null;

    public static string[] Texts(JsonElement value, string key, RowContext context)
    {
        Array(value, key, context);
        return [.. value.EnumerateArray().Select((item, i) => Text(item, $"{key}[{i}]", context))];
    }

    public static JsonElement Array(JsonElement value, string key, RowContext context) =>
        value.ValueKind == JsonValueKind.Array ? value : throw context.Error($"expected an array, found {Name(value)}.", key);

    /// <summary>A finite number, also as text ("4"); null for null and for the words by which data sets say that there is none.</summary>
    public static double? Number(JsonElement value, string key, RowContext context)
    {
        double number;
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.Number when value.TryGetDouble(out number) && double.IsFinite(number):
                return number;
            case JsonValueKind.String when double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number)
                && double.IsFinite(number):
                return number;
            case JsonValueKind.String when value.GetString() is "N/A" or "n/a" or "" or "null" or "None":
                return null;
            default:
                throw context.Error($"'{value.GetRawText()}' is not a finite number; write null when it is missing.", key);
        }
    }

    public static double?[] Numbers(JsonElement value, string key, RowContext context)
    {
        Array(value, key, context);
        return [.. value.EnumerateArray().Select((item, i) => Number(item, $"{key}[{i}]", context))];
    }

    public static void Fits(int count, int candidates, string key, RowContext context)
    {
        if (count != candidates)
            throw context.Error($"{count} items for {candidates} responses; there is one for each, null where it is missing.", key);
    }

    /// <summary>A field that is there and not null.</summary>
    public static bool Has(JsonElement row, string key, out JsonElement value) =>
        row.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A field that is a text, not empty.</summary>
    public static bool HasText(JsonElement row, string key) =>
        row.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString()!.Length > 0;

    /// <summary>The names of a row's fields, for messages.</summary>
    public static string Names(JsonElement row) => string.Join(", ", row.EnumerateObject().Select(f => f.Name));

    public static string Name(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
