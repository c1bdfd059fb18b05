using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>The preference rows of Hugging Face TRL: <c>prompt</c>, <c>chosen</c>, <c>rejected</c>, as strings or as chat messages.</summary>
/// <remarks>
/// <para>Reading: a row of two candidates, the chosen one first. Without <c>prompt</c> (TRL's implicit form) the prompt is what both sides begin with. Scores are <c>score_chosen</c> and
/// <c>score_rejected</c> where they are given, else 1 and 0. A prompt in Alpaca's form becomes instruction and input. Messages of several turns become a transcript, and the
/// original stays in the extra field <c>messages</c>.</para>
/// <para>Writing: rows of exactly two scored candidates that differ in score; <see cref="PreferencePairs"/> makes such rows from larger ones.</para>
/// </remarks>
/// <param name="template">Turns instruction and input into the prompt text when writing; null joins them with a blank line.</param>
/// <param name="messages">Whether to write chat messages instead of strings.</param>
public sealed class TrlPreferenceFormat(IPromptTemplate? template = null, bool messages = false) : JsonRowFormat
{
    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        int[] order = row.Order();
        if (row.Outputs.Count != 2 || order.Length != 2 || row.Scores[0] == row.Scores[1])
            throw new ArgumentException($"Row '{row.Id}' is no preference pair: it needs two candidates with different scores. {nameof(PreferencePairs)} makes pairs from larger rows.", nameof(row));
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        WriteSide(writer, "prompt", "user", PromptText.Of(row, template));
        WriteSide(writer, "chosen", "assistant", row.Outputs[order[0]]);
        WriteSide(writer, "rejected", "assistant", row.Outputs[order[1]]);
        writer.WriteNumber("score_chosen"u8, row.Scores[order[0]]!.Value);
        writer.WriteNumber("score_rejected"u8, row.Scores[order[1]]!.Value);
        RowJson.WriteExtra(writer, row.Extra);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        JsonElement chosen = RowFields.Required(row, "chosen", context), rejected = RowFields.Required(row, "rejected", context);
        if (chosen.ValueKind != rejected.ValueKind)
            throw context.Error($"chosen is {RowFields.Name(chosen)}, rejected {RowFields.Name(rejected)}; both are strings or both are messages.", "rejected");
        bool hasPrompt = row.TryGetProperty("prompt", out JsonElement prompt) && prompt.ValueKind != JsonValueKind.Null;
        (string text, string good, string bad) = hasPrompt ? Explicit(prompt, chosen, rejected, context)
            : chosen.ValueKind == JsonValueKind.String ? Implicit(chosen.GetString()!, rejected.GetString()!)
            : Implicit(chosen, rejected, context);
        (string instruction, string? input) = PromptText.Split(text);
        double? scoreChosen = Score(row, "score_chosen", 1, context), scoreRejected = Score(row, "score_rejected", 0, context);
        ExtraField[] extra = RowFields.Extra(row, "prompt", "chosen", "rejected", "score_chosen", "score_rejected");
        if (hasPrompt && prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 1)
            extra = [.. extra, new("messages", prompt.GetRawText())];
        return new() { Id = "", Instruction = instruction, Input = input, Outputs = [good, bad], Scores = [scoreChosen, scoreRejected], Extra = extra };
    }

    private static double? Score(JsonElement row, string key, double otherwise, RowContext context) =>
        row.TryGetProperty(key, out JsonElement value) ? RowFields.Number(value, key, context) : otherwise;

    private static (string Prompt, string Chosen, string Rejected) Explicit(JsonElement prompt, JsonElement chosen, JsonElement rejected, RowContext context) => (
        prompt.ValueKind == JsonValueKind.String ? prompt.GetString()! : ChatText.Prompt(ChatText.Messages(prompt, "prompt", context), "prompt", context),
        ChatText.Response(chosen, "chosen", context),
        ChatText.Response(rejected, "rejected", context));

    // As TRL's extract_prompt does: the sides are split where they part; a space there belongs to the responses.
    private static (string Prompt, string Chosen, string Rejected) Implicit(string chosen, string rejected)
    {
        int common = chosen.AsSpan().CommonPrefixLength(rejected);
        if (common > 0 && chosen[common - 1] == ' ')
            common--;
        return (chosen[..common], chosen[common..], rejected[common..]);
    }

    private static (string Prompt, string Chosen, string Rejected) Implicit(JsonElement chosen, JsonElement rejected, RowContext context)
    {
        JsonElement[] good = ChatText.Messages(chosen, "chosen", context), bad = ChatText.Messages(rejected, "rejected", context);
        int common = Math.Min(ChatText.CommonPrefix(good, bad), good.Length - 1);
        if (good.Length != common + 1 || bad.Length != common + 1)
            throw context.Error("the conversations part before their last message; only the last answers may differ.", "rejected");
        return (ChatText.Prompt(good[..common], "chosen", context), ChatText.Response(chosen, "chosen", context), ChatText.Response(rejected, "rejected", context));
    }

    private void WriteSide(Utf8JsonWriter writer, string key, string role, string text)
    {
        if (!messages)
        {
            writer.WriteString(key, text);
            return;
        }

        writer.WriteStartArray(key);
        writer.WriteStartObject();
        writer.WriteString("role"u8, role);
        writer.WriteString("content"u8, text);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }
}
