using System.Text.Json;
using Tuna.Data.Formats;

namespace Tuna.Data;

/// <summary>Rows in the form of Stanford Alpaca: <c>instruction</c>, <c>input</c>, <c>output</c>, optional <c>id</c>; other fields are
/// kept.</summary>
public sealed class InstructionFormat : RowFormat<InstructionExample>
{
    /// <summary>The shared instance (it has no state).</summary>
    public static InstructionFormat Instance { get; } = new();

    /// <summary>The format's own fields.</summary>
    internal static FieldNames Names { get; } =
        new(["instruction", "input", "output", .. FieldNames.OfFormsBefore("alpaca"), .. PreferencePrompt.SystemNames, "history",
        "context"]);

    /// <inheritdoc/>
    public override InstructionExample Read(ref Utf8JsonReader reader, RowContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Expect(reader, JsonTokenType.StartObject);
        string? id = null, instruction = null, input = null, output = null;
        bool number = false;
        List<ExtraField>? extra = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("instruction"u8) && reader.Read())
                instruction = context.String(ref reader, "instruction");
            else if (reader.ValueTextEquals("input"u8) && reader.Read())
                input = context.StringOrNull(ref reader, "input");
            else if (reader.ValueTextEquals("output"u8) && reader.Read())
                output = context.StringOrNull(ref reader, "output");
            else if (reader.ValueTextEquals("id"u8) && reader.Read())
                (id, number) = context.Id(ref reader);
            else
                (extra ??= []).Add(context.Extra(ref reader, Names));
        }

        if (output is null && context.Options.RequireResponse)
            throw InstructionForms.NoResponse(context);
        return new()
        {
            Id = id,
            IdIsNumber = number,
            Instruction = instruction ?? throw context.Error("the instruction is missing; every row has one.", "instruction"),
            Input = input ?? "",
            Output = output ?? "",
            Extra = extra is null ? [] : [.. extra],
        };
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, InstructionExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        if (row.Id is not null)
            RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruction"u8, row.Instruction);
        writer.WriteString("input"u8, row.Input);
        writer.WriteString("output"u8, row.Output);
        RowJson.WriteExtra(writer, row.Extra, Names);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public override string? IdOf(InstructionExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Id;
    }

    internal override InstructionExample WithId(InstructionExample row, string id, RowContext context) => row with
    {
        Id = id,
        IdIsNumber = false,
    };
}
