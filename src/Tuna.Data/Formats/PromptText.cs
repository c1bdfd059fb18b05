using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>Between an instruction with its input and the single prompt text of other formats.</summary>
internal static class PromptText
{
    /// <summary>The prompt of a row: by a template, or instruction and input with a blank line between.</summary>
    public static string Of(RankedExample row, IPromptTemplate? template) =>
        template is not null ? template.Format(row.Instruction, row.Input)
        : string.IsNullOrEmpty(row.Input) ? row.Instruction
        : row.Instruction + "\n\n" + row.Input;

    /// <summary>A prompt in Alpaca's form becomes instruction and input; any other is the instruction.</summary>
    public static (string Instruction, string? Input) Split(string prompt) =>
        AlpacaPromptTemplate.TryParse(prompt, out string? instruction, out string? input) ? (instruction, input) : (prompt, null);
}
