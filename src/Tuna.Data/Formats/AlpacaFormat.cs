using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>Stanford Alpaca's rows (<c>instruction</c>, <c>input</c>, <c>output</c>) as ranked rows: the output is the reference, and there
/// is nothing to rank.</summary>
/// <remarks>
/// Reading gives a row whose only candidate is its reference, without a score. Writing gives the best candidate, or the reference when
/// nothing is ranked: what instruction tuning on the best response needs. For tuning on all responses (the paper's Alpaca-Mul) see
/// <see cref="RankedRows.Instructions"/>.
/// </remarks>
internal sealed class AlpacaFormat : RowFormat<RankedExample>
{
    /// <summary>The shared instance (it has no state).</summary>
    public static AlpacaFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override RankedExample Read(ref Utf8JsonReader reader, RowContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        InstructionExample row = InstructionFormat.Instance.Read(ref reader, context);
        return Ranked(row, context);
    }

    /// <summary>An instruction with its response as a ranked row.</summary>
    internal static RankedExample Ranked(InstructionExample row, RowContext context) => new()
    {
        Id = row.Id ?? context.PositionId(),
        IdIsNumber = row.Id is null || row.IdIsNumber,
        Instruction = row.Instruction,
        Input = row.Input.Length == 0 ? null : row.Input,
        Outputs = [row.Output],
        Reference = row.Output,
        Extra = row.Extra,
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        int[] order = row.Order();
        InstructionFormat.Instance.Write(writer, new()
        {
            Id = row.Id,
            IdIsNumber = row.IdIsNumber,
            Instruction = row.Instruction,
            Input = row.Input ?? "",
            Output = order.Length > 0 ? row.Outputs[order[0]] : row.Reference ?? (row.Outputs.Count > 0 ? row.Outputs[0] : ""),
            Extra = row.Extra,
        });
    }

    internal override RankedExample WithId(RankedExample row, string id, RowContext context) => row with { Id = id, IdIsNumber = false };

    /// <inheritdoc/>
    public override string? IdOf(RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Id;
    }
}
