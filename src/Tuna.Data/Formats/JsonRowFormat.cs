using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>A form of ranked rows that is read through a small document per row: for converters, where ease counts more than
/// speed.</summary>
public abstract class JsonRowFormat : RowFormat<RankedExample>
{
    /// <inheritdoc/>
    public sealed override RankedExample Read(ref Utf8JsonReader reader, RowContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Expect(reader, JsonTokenType.StartObject);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        try
        {
            (string? id, bool number) = RowFields.Id(document.RootElement, context);
            if (id is null)
                (id, number) = (context.PositionId(), true);
            context.RowId = id;
            return Read(document.RootElement, context) with { Id = id, IdIsNumber = number };
        }
        catch (InvalidOperationException e)
        {
            throw context.Error("a text is not valid: bytes that are not UTF-8, or half a surrogate pair. Save the file as UTF-8. "
                + e.Message);
        }
    }

    /// <inheritdoc/>
    public override string? IdOf(RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Id;
    }

    internal override RankedExample WithId(RankedExample row, string id, RowContext context) => row with { Id = id, IdIsNumber = false };

    /// <summary>Reads one row; its id is set by the caller.</summary>
    protected abstract RankedExample Read(JsonElement row, RowContext context);
}
