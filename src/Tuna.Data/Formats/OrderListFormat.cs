using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>Ranked rows whose ranking is written as an order: <c>instruction</c>, <c>output[]</c>, <c>order</c> such as <c>2 &gt; 0 =
/// 1</c>, optional <c>input</c>, <c>model[]</c>, <c>reference</c>.</summary>
/// <remarks>Items of the order are positions in <c>output</c>, or the names in <c>model</c>. See <see cref="OrderList"/>.</remarks>
internal sealed class OrderListFormat : JsonRowFormat
{
    private static readonly FieldNames Names =
        new(["instruction", "input", "output", "order", "model", "reference", "score", "logprob", "tokens",
        .. FieldNames.OfFormsBefore("order")]);
    private static readonly HashSet<string> Own = ["instruction", "input", "output", "order", "model", "reference"];

    /// <summary>The shared instance (it has no state).</summary>
    public static OrderListFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruction"u8, row.Instruction);
        if (row.Input is not null)
            writer.WriteString("input"u8, row.Input);
        RowJson.WriteStrings(writer, "output"u8, row.Outputs);
        writer.WriteString("order"u8, OrderList.Format(row.Scores));
        if (row.Reference is not null)
            writer.WriteString("reference"u8, row.Reference);
        if (row.Models.Count > 0)
            RowJson.WriteStrings(writer, "model"u8, row.Models);
        RowRest.Write(writer, row, Names, score: true, reference: false, models: false);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        string[] outputs = RowFields.Texts(RowFields.Required(row, "output", context), "output", context);
        string?[] models = row.TryGetProperty("model", out JsonElement names) && names.ValueKind == JsonValueKind.Array
            ? [.. names.EnumerateArray().Select(m => m.ValueKind == JsonValueKind.Null ? null : RowFields.Text(m, "model", context))]
            : [];
        if (models.Length != 0 && models.Length != outputs.Length)
            throw context.Error($"{models.Length} items for {outputs.Length} candidates; there is one for each, null where it is missing.",
                "model");
        double?[] scores;
        try
        {
            scores = OrderList.Parse(RowFields.Text(RowFields.Required(row, "order", context), "order", context), outputs.Length, models);
        }
        catch (FormatException e) when (e is not DataFormatException)
        {
            throw context.Error(e.Message, "order");
        }

        return RowRest.Read(new()
        {
            Id = "",
            Instruction = RowFields.Text(RowFields.Required(row, "instruction", context), "instruction", context),
            Input = RowFields.OptionalText(row, "input", context),
            Outputs = outputs,
            Scores = scores,
            Models = models,
            Reference = RowFields.OptionalText(row, "reference", context),
        }, row, Names, Own);
    }
}
