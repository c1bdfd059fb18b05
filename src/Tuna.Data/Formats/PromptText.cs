using System.Globalization;
using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>Between an instruction with its input and the prompts of other forms: one text, a system prompt beside it, turns.</summary>
internal static class PromptText
{
    /// <summary>The extra field with the turns of which an instruction was made.</summary>
    public const string MessagesField = "prompt_messages";

    private const string Human = "\n\nHuman:";
    private const string Assistant = "\n\nAssistant:";

    /// <summary>The prompt of a row: by a template, or instruction and input with a blank line between.</summary>
    public static string Of(RankedExample row, IPromptTemplate? template) =>
        template is not null ? template.Format(row.Instruction, row.Input)
        : string.IsNullOrEmpty(row.Input) ? row.Instruction
        : row.Instruction + "\n\n" + row.Input;

    /// <summary>A prompt in Alpaca's form becomes instruction and input; any other is the instruction.</summary>
    public static (string Instruction, string? Input) Split(string prompt) =>
        AlpacaPromptTemplate.TryParse(prompt, out string? instruction, out string? input) ? (instruction, input) : (prompt, null);

    /// <summary>The turns that the row's instruction was made of, if they still say the same; null when there are none.</summary>
    public static JsonDocument? Turns(RankedExample row) => Turns(row.Id, row.Instruction, row.Input, row.Extra);

    /// <inheritdoc cref="Turns(RankedExample)"/>
    public static JsonDocument? Turns(string? id, string instruction, string? input, IReadOnlyList<ExtraField> extra)
    {
        if (extra.FirstOrDefault(f => f.Name == MessagesField).Json is not { } json || !string.IsNullOrEmpty(input))
            return null;
        try
        {
            JsonDocument turns = JsonDocument.Parse(json);
            var context = new RowContext(id ?? "");
            if (turns.RootElement.ValueKind == JsonValueKind.Array
                && ChatText.Prompt([.. turns.RootElement.EnumerateArray().Select(m => ChatText.Turn(m, MessagesField, context))],
                    MessagesField, context) == instruction)
                return turns;
            turns.Dispose();
        }
        catch (Exception e) when (e is JsonException or DataFormatException or InvalidOperationException)
        {
            // An unknown field that happens to have the name.
        }

        return null;
    }

    /// <summary>Where two whole texts part, as TRL splits them: after the last answer's mark that they share, or where they begin to
    /// differ, with a space left to the responses.</summary>
    /// <returns>The prompt's length: 0 when they have nothing in common. It never lies inside a character as people see it.</returns>
    public static int CommonPrompt(string chosen, string rejected)
    {
        int common = chosen.AsSpan().CommonPrefixLength(rejected);
        int mark = chosen.AsSpan(0, common).LastIndexOf(Assistant, StringComparison.Ordinal);
        if (mark >= 0)
            return mark + Assistant.Length;
        common = Math.Min(WholeCharacters(chosen, common), WholeCharacters(rejected, common));
        return common > 0 && chosen[common - 1] == ' ' ? common - 1 : common;
    }

    /// <summary>Whether a text is a transcript with the marks of Anthropic's HH-RLHF.</summary>
    public static bool IsTranscript(string text) =>
        text.Contains(Assistant, StringComparison.Ordinal) || text.StartsWith(Human[2..], StringComparison.Ordinal);

    // The end of the last text element (grapheme) that ends within a length.
    private static int WholeCharacters(string text, int length)
    {
        if (length == text.Length)
            return length;
        int end = 0;
        while (end < length)
        {
            int next = end + StringInfo.GetNextTextElementLength(text.AsSpan(end));
            if (next > length)
                break;
            end = next;
        }

        return end;
    }
}
