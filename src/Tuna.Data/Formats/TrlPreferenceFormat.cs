using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>Preference pairs: <c>chosen</c> and <c>rejected</c>, as strings or as chat messages, with the prompt as Hugging Face TRL,
/// LLaMA-Factory, Orca, ShareGPT and HH-RLHF write it.</summary>
/// <remarks>
/// <para>Reading: a row of two candidates, the chosen one first. The prompt is <c>prompt</c>, <c>instruction</c> with <c>input</c>,
/// <c>question</c> or <c>query</c>, with a <c>system</c> prompt and a
/// <c>history</c>; or the turns before the last answers; or, in rows of nothing but the two texts, what both begin with (TRL's implicit
/// form). Several turns become a transcript, and the turns themselves stay in the extra field <c>prompt_messages</c>. A prompt in Alpaca's
/// form becomes instruction and input.</para>
/// <para>Scores are <c>score_chosen</c> and <c>score_rejected</c> where both are given and do not contradict the label; else 1 and 0, and
/// what was given stays an extra field.</para>
/// <para>Writing: rows of exactly two scored candidates that differ in score; <see cref="PreferencePairs"/> makes such rows from larger
/// ones.</para>
/// </remarks>
/// <param name="template">Turns instruction and input into the prompt text when writing; null joins them with a blank line.</param>
/// <param name="messages">Whether to write chat messages instead of strings.</param>
public sealed class TrlPreferenceFormat(IPromptTemplate? template = null, bool messages = false) : JsonRowFormat
{
    private static readonly (string Chosen, string Rejected)[] ScoreNames =
        [("score_chosen", "score_rejected"), ("chosen_score", "rejected_score"), ("chosen-rating", "rejected-rating"),
            ("chosen_rating", "rejected_rating")];

    private static readonly (string Chosen, string Rejected)[] ModelNames =
        [("chosen-model", "rejected-model"), ("chosen_model", "rejected_model"), ("model_chosen", "model_rejected")];

    private static readonly FieldNames Names = new(
        [.. PreferencePrompt.Names, "chosen", "rejected", "reference", "model", "logprob", "tokens",
            .. ScoreNames.Concat(ModelNames).SelectMany(n => (string[])[n.Chosen, n.Rejected])]);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        int[] order = row.Order();
        if (row.Outputs.Count != 2 || order.Length != 2 || row.Scores[0] == row.Scores[1])
            throw new ArgumentException(
                $"Row '{row.Id}' is no preference pair: it needs two candidates with different scores. {nameof(PreferencePairs)} makes "
                + $"pairs from larger rows.", nameof(row));
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        using JsonDocument? turns = messages && template is null ? PromptText.Turns(row) : null;
        if (turns is not null)
        {
            writer.WritePropertyName("prompt"u8);
            turns.RootElement.WriteTo(writer);
        }
        else
        {
            WriteSide(writer, "prompt", "user", PromptText.Of(row, template));
        }

        WriteSide(writer, "chosen", "assistant", row.Outputs[order[0]]);
        WriteSide(writer, "rejected", "assistant", row.Outputs[order[1]]);
        writer.WriteNumber("score_chosen"u8, row.Scores[order[0]]!.Value);
        writer.WriteNumber("score_rejected"u8, row.Scores[order[1]]!.Value);
        RowRest.Write(writer, row, Names, order, left: turns is null ? [] : [PromptText.MessagesField]);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        JsonElement chosen = RowFields.Required(row, "chosen", context), rejected = RowFields.Required(row, "rejected", context);
        if (chosen.ValueKind != rejected.ValueKind)
            throw context.Error(
                $"chosen is {RowFields.Name(chosen)}, rejected {RowFields.Name(rejected)}; both are strings or both are messages.",
                "rejected");
        var used = new HashSet<string>(StringComparer.Ordinal) { "chosen", "rejected" };
        (PreferencePrompt prompt, string good, string bad) = chosen.ValueKind == JsonValueKind.String
            ? Texts(row, chosen.GetString()!, rejected.GetString()!, context, used)
            : Conversations(row, chosen, rejected, context, used);
        var result = new RankedExample
        {
            Id = "",
            Instruction = prompt.Instruction,
            Input = prompt.Input,
            Outputs = [good, bad],
            Scores = Scores(row, context, used),
            Models = Models(row, used),
        };
        return RowRest.Read(result, row, Names, used, prompt.Extra);
    }

    private static (PreferencePrompt Prompt, string Chosen, string Rejected) Texts(JsonElement row, string chosen, string rejected,
        RowContext context, HashSet<string> used)
    {
        if (PreferencePrompt.Of(row, context, used) is { } prompt)
            return (prompt, chosen, rejected);
        int common = PromptText.CommonPrompt(chosen, rejected);
        // Two answers that happen to begin alike have no prompt in them, and another field may well hold it.
        JsonProperty? other = PromptText.IsTranscript(chosen[..common]) ? null : OtherText(row);
        if (common == 0 || other is not null)
        {
            throw context.Error(
                $"there is no prompt; the row has the fields {RowFields.Names(row)}. Known names of a prompt: "
                    + $"{string.Join(", ", PreferencePrompt.TextNames)}, input; or chosen and rejected begin with it.",
                other?.Name ?? "prompt");
        }

        return (PreferencePrompt.Of(row, chosen[..common], context, used), chosen[common..], rejected[common..]);
    }

    private static JsonProperty? OtherText(JsonElement row)
    {
        foreach (JsonProperty field in row.EnumerateObject())
        {
            if (field.Value.ValueKind is JsonValueKind.String or JsonValueKind.Array
                && field.Name is not ("id" or "chosen" or "rejected" or "reference" or "model" or "logprob" or "tokens")
                && !field.Name.StartsWith(FieldNames.Prefix, StringComparison.Ordinal))
                return field;
        }

        return null;
    }

    // The turns before the last answers are the prompt. What a prompt field says beside them is a part of them, or stands before them, or
    // is kept as it is.
    private static (PreferencePrompt Prompt, string Chosen, string Rejected) Conversations(JsonElement row, JsonElement chosen,
        JsonElement rejected, RowContext context, HashSet<string> used)
    {
        JsonElement[] good = ChatText.Messages(chosen, "chosen", context), bad = ChatText.Messages(rejected, "rejected", context);
        string better = ChatText.Response(chosen, "chosen", context), worse = ChatText.Response(rejected, "rejected", context);
        int common = Math.Min(ChatText.CommonPrefix(good, bad), good.Length - 1);
        if (good.Length != common + 1 || bad.Length != common + 1)
            throw context.Error("the conversations part before their last message; only the last answers may differ.", "rejected");
        JsonElement[] turns = good[..common];
        if (turns.Length == 0)
        {
            return (PreferencePrompt.Of(row, context, used)
                ?? throw context.Error(
                    $"there is no prompt; the row has the fields {RowFields.Names(row)}. Known names of a prompt: "
                    + $"{string.Join(", ", PreferencePrompt.TextNames)}, input, conversations.", "prompt"), better, worse);
        }

        string? name = PreferencePrompt.TextNames.FirstOrDefault(n => RowFields.Has(row, n, out _));
        if (name is not null)
        {
            JsonElement prompt = row.GetProperty(name);
            if (prompt.ValueKind == JsonValueKind.String && Says(turns, prompt.GetString()!, context))
            {
                used.Add(name);
            }
            else if (ChatText.IsConversation(prompt))
            {
                used.Add(name);
                JsonElement[] before = ChatText.Messages(prompt, name, context);
                if (ChatText.CommonPrefix(before, turns) < before.Length)
                    turns = [.. before, .. turns];
            }
        }

        return (PreferencePrompt.Of(row, turns, "chosen", context, used), better, worse);
    }

    private static bool Says(JsonElement[] turns, string prompt, RowContext context) =>
        Array.Exists(turns, t => ChatText.Turn(t, "chosen", context).Content == prompt)
            || ChatText.Prompt([.. turns.Select(t => ChatText.Turn(t, "chosen", context))], "chosen", context) == prompt;

    private static double?[] Scores(JsonElement row, RowContext context, HashSet<string> used)
    {
        foreach ((string c, string r) in ScoreNames)
        {
            bool hasChosen = RowFields.Has(row, c, out JsonElement chosen), hasRejected = RowFields.Has(row, r, out JsonElement rejected);
            if (!hasChosen && !hasRejected)
            {
                if (chosen.ValueKind == JsonValueKind.Null && rejected.ValueKind == JsonValueKind.Null)
                    used.UnionWith([c, r]);
                continue;
            }

            double? better = hasChosen
                ? RowFields.Number(chosen, c, context) : null, worse = hasRejected ? RowFields.Number(rejected, r, context) : null;
            if (better >= worse)
            {
                if (better == worse)
                    context.Note($"{c} and {r} are equal: a tie, from which a ranking learns nothing");
                used.UnionWith([c, r]);
                return [better, worse];
            }

            context.Note(better is null || worse is null
                ? $"only one of {c} and {r} is given: scored 1 and 0 by the label; the rating is kept as an extra field"
                : $"{c} is less than {r}: scored 1 and 0 by the label; the ratings are kept as extra fields");
            break;
        }

        return [1, 0];
    }

    private static string?[] Models(JsonElement row, HashSet<string> used)
    {
        foreach ((string c, string r) in ModelNames)
        {
            if (!RowFields.HasText(row, c) || !RowFields.HasText(row, r))
                continue;
            used.UnionWith([c, r]);
            return [row.GetProperty(c).GetString(), row.GetProperty(r).GetString()];
        }

        return [];
    }

    private void WriteSide(Utf8JsonWriter writer, string key, string role, string text)
    {
        if (!messages)
        {
            writer.WriteString(key, text);
            return;
        }

        writer.WritePropertyName(key);
        ChatText.Write(writer, [new(role, text)]);
    }
}
