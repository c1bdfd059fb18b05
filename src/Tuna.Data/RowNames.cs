using System.Text;
using System.Text.Json;

namespace Tuna.Data;

/// <summary>Looks over the names of a row's fields: each is there once, and is text.</summary>
internal static class RowNames
{
    /// <summary>Looks over a row; one that is no valid JSON is left to its reader.</summary>
    /// <exception cref="DataFormatException">A name stands twice, or is no valid text.</exception>
    public static void Check(ReadOnlySpan<byte> row, RowContext context)
    {
        try
        {
            Visit(row, context);
        }
        catch (JsonException)
        {
            // The reader meets it too, and says more.
        }
    }

    private static void Visit(ReadOnlySpan<byte> row, RowContext context)
    {
        var reader = new Utf8JsonReader(row);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = Name(reader, context);
            if (!seen.Add(name))
                throw context.Error("the row has this key twice. Remove or rename one; it is not clear which is meant.", name);
            reader.Read();
            if (name == "id" && reader.TokenType is JsonTokenType.String or JsonTokenType.Number)
                context.RowId = RowContext.IdText(reader);
            reader.Skip();
        }
    }

    private static string Name(in Utf8JsonReader reader, RowContext context)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw context.Error(
                "the name of this field is not valid text: half a surrogate pair, or bytes that are not UTF-8. Correct the name.",
                Encoding.UTF8.GetString(reader.ValueSpan));
        }
    }
}
