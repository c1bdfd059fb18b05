using System.Globalization;
using System.Text.Json;
using Tuna.Data.Formats;
using Tuna.Data.Prompts;

namespace Tuna.Data;

/// <summary>Rows as conversations: the turns before the answer, and a row for each answer of the assistant.</summary>
/// <remarks>
/// A row that was read from a conversation keeps its turns in the extra field <c>prompt_messages</c>, and their transcript as its
/// instruction. Turns that no longer say the same as the instruction, because somebody changed one of the two, are not used.
/// </remarks>
public static class Conversations
{
    /// <summary>The turns before the answer; a row that is no conversation is one question.</summary>
    public static IReadOnlyList<ChatTurn> Turns(this RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return Turns(row.Id, row.Instruction, row.Input, row.Extra);
    }

    /// <inheritdoc cref="Turns(RankedExample)"/>
    public static IReadOnlyList<ChatTurn> Turns(this InstructionExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return Turns(row.Id, row.Instruction, row.Input, row.Extra);
    }

    /// <summary>One question as turns: instruction and input with a blank line between.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="input">Its input; null or empty for none.</param>
    public static IReadOnlyList<ChatTurn> Question(string instruction, string? input) =>
        [new("user", string.IsNullOrEmpty(input) ? instruction : instruction + "\n\n" + input)];

    /// <summary>A row for each answer that the assistant gives in a conversation, the row's own last; so each of them is learned from what
    /// was said before it.</summary>
    /// <remarks>The rows of earlier answers are named <c>id/turn-k</c>, k counting all turns from 0.</remarks>
    public static IEnumerable<InstructionExample> EachAnswer(this InstructionExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        IReadOnlyList<ChatTurn> turns = row.Turns();
        for (int k = 1; k < turns.Count; k++)
        {
            if (turns[k].Role == "assistant")
                yield return Answer(row, [.. turns.Take(k)], turns[k].Content, k);
        }

        yield return row;
    }

    private static InstructionExample Answer(InstructionExample row, ChatTurn[] before, string answer, int k)
    {
        ExtraField[] extra = [.. row.Extra.Where(f => f.Name != PromptText.MessagesField)];
        return row with
        {
            Id = string.Create(CultureInfo.InvariantCulture, $"{row.Id}/turn-{k}"),
            IdIsNumber = false,
            Instruction = ChatText.Prompt(before, PromptText.MessagesField, new RowContext(row.Id ?? "")),
            Input = "",
            Output = answer,
            Extra = before.Length > 1 ? [.. extra, new(PromptText.MessagesField, ChatText.Json(before))] : extra,
        };
    }

    private static IReadOnlyList<ChatTurn> Turns(string? id, string instruction, string? input, IReadOnlyList<ExtraField> extra)
    {
        using JsonDocument? turns = PromptText.Turns(id, instruction, input, extra);
        if (turns is null)
            return Question(instruction, input);
        var context = new RowContext(id ?? "");
        return [.. turns.RootElement.EnumerateArray().Select(m => ChatText.Turn(m, PromptText.MessagesField, context))];
    }
}
