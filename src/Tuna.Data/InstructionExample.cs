namespace Tuna.Data;

/// <summary>A row of an instruction-tuning data set, in the form of Stanford Alpaca. Immutable.</summary>
public sealed record InstructionExample
{
    /// <summary>Names the row; null when the file gives none.</summary>
    public string? Id { get; init; }

    /// <summary>Whether the id is a JSON number (it is written back as one).</summary>
    public bool IdIsNumber { get; init; }

    /// <summary>The instruction.</summary>
    public required string Instruction { get; init; }

    /// <summary>The instruction's input; empty when there is none.</summary>
    public string Input { get; init; } = "";

    /// <summary>The response to learn; empty where the row only asks.</summary>
    public string Output { get; init; } = "";

    /// <summary>Other fields of the row, in the file's order.</summary>
    public IReadOnlyList<ExtraField> Extra { get; init; } = [];

    /// <inheritdoc/>
    public bool Equals(InstructionExample? other) => other is not null && Id == other.Id && IdIsNumber == other.IdIsNumber
        && Instruction == other.Instruction && Input == other.Input && Output == other.Output && Extra.SequenceEqual(other.Extra);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Instruction, Input, Output);
}
