using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>Finds the prompt of a row under the names and in the shapes that data sets give it.</summary>
/// <remarks>
/// A prompt is a text (<c>prompt</c>, <c>instruction</c>, <c>question</c>, <c>query</c>, or <c>input</c> alone), perhaps with an
/// <c>input</c> or <c>context</c>, a system prompt (<c>system</c>) and earlier
/// turns (<c>history</c>, pairs of texts); or a conversation. Whatever has more than one turn is written out as text, and its turns are
/// kept in <see cref="PromptText.MessagesField"/>.
/// </remarks>
internal sealed class PreferencePrompt
{
    /// <summary>The names of a prompt.</summary>
    public static readonly string[] TextNames = ["prompt", "instruction", "question", "query"];

    /// <summary>The names of what a prompt works on.</summary>
    public static readonly string[] InputNames = ["input", "context"];

    /// <summary>The names of a system prompt.</summary>
    public static readonly string[] SystemNames = ["system", "system_prompt", "system_message"];

    /// <summary>The names of a conversation.</summary>
    public static readonly string[] TurnNames = ["conversations", "conversation", "messages"];

    /// <summary>All of them.</summary>
    public static readonly string[] Names = [.. TextNames, .. InputNames, .. SystemNames, .. TurnNames, "history"];

    private readonly JsonElement _row;
    private readonly RowContext _context;
    private readonly HashSet<string> _used;

    private PreferencePrompt(JsonElement row, RowContext context, HashSet<string> used) => (_row, _context, _used) = (row, context, used);

    /// <summary>The instruction.</summary>
    public string Instruction { get; private set; } = "";

    /// <summary>Its input; null when there is none.</summary>
    public string? Input { get; private set; }

    /// <summary>The turns as JSON, when there are several.</summary>
    public string? Messages { get; private set; }

    /// <summary>The extra fields of the prompt.</summary>
    public ExtraField[] Extra => Messages is null ? [] : [new(PromptText.MessagesField, Messages)];

    /// <summary>Reads the fields of a row; null when none holds a prompt.</summary>
    /// <param name="row">The row.</param>
    /// <param name="context">Where it is.</param>
    /// <param name="used">Receives the names of the fields that were read.</param>
    public static PreferencePrompt? Of(JsonElement row, RowContext context, HashSet<string> used)
    {
        var prompt = new PreferencePrompt(row, context, used);
        string? name = TextNames.FirstOrDefault(n => IsPrompt(row, n))
            ?? (RowFields.HasText(row, "input") ? "input" : null)
            ?? TurnNames.FirstOrDefault(n => RowFields.Has(row, n, out JsonElement v) && ChatText.IsConversation(v))
            ?? (RowFields.Has(row, "context", out JsonElement c) && ChatText.IsConversation(c) ? "context" : null);
        if (name is null)
            return null;
        used.Add(name);
        JsonElement value = row.GetProperty(name);
        if (value.ValueKind == JsonValueKind.String)
            prompt.ReadText(value.GetString()!, name);
        else
            prompt.Take([.. prompt.System(), .. ChatText.Messages(value, name, context).Select(m => ChatText.Turn(m, name, context))], name,
                value);
        return prompt;
    }

    /// <summary>A prompt that is a conversation.</summary>
    public static PreferencePrompt Of(JsonElement row, IReadOnlyList<JsonElement> messages, string key, RowContext context,
        HashSet<string> used)
    {
        var prompt = new PreferencePrompt(row, context, used);
        prompt.Take([.. prompt.System(), .. messages.Select(m => ChatText.Turn(m, key, context))], key, null);
        return prompt;
    }

    /// <summary>A prompt that is a text.</summary>
    public static PreferencePrompt Of(JsonElement row, string text, RowContext context, HashSet<string> used)
    {
        var prompt = new PreferencePrompt(row, context, used);
        prompt.ReadText(text, null);
        return prompt;
    }

    private static bool IsPrompt(JsonElement row, string name) =>
        RowFields.HasText(row, name) || (row.TryGetProperty(name, out JsonElement value) && ChatText.IsConversation(value));

    private void ReadText(string text, string? name)
    {
        (string instruction, string? input) = PromptText.Split(text);
        ChatTurn[] before = [.. System(), .. History()];
        string? work = input is null && name is not (null or "input") ? InputNames.FirstOrDefault(n => RowFields.HasText(_row, n)) : null;
        if (work is not null && (name == "instruction" || !text.Contains(_row.GetProperty(work).GetString()!, StringComparison.Ordinal)))
        {
            _used.Add(work);
            input = _row.GetProperty(work).GetString();
        }
        else if (name == "instruction" && _row.TryGetProperty("input", out JsonElement empty)
            && empty.ValueKind is JsonValueKind.String or JsonValueKind.Null)
        {
            _used.Add("input");
        }

        if (before.Length == 0)
        {
            (Instruction, Input) = (instruction, input);
            return;
        }

        Take([.. before, new("user", string.IsNullOrEmpty(input) ? instruction : instruction + "\n\n" + input)], name ?? "prompt", null);
    }

    private void Take(ChatTurn[] turns, string key, JsonElement? original)
    {
        Instruction = ChatText.Prompt(turns, key, _context);
        if (turns.Length > 1)
            Messages = original is { } o && o.ValueKind == JsonValueKind.Array && o.GetArrayLength() == turns.Length
                ? o.GetRawText() : ChatText.Json(turns);
        else
            (Instruction, Input) = PromptText.Split(Instruction);
    }

    private IEnumerable<ChatTurn> System()
    {
        if (SystemNames.FirstOrDefault(n => RowFields.HasText(_row, n)) is { } name)
        {
            _used.Add(name);
            yield return new("system", _row.GetProperty(name).GetString()!);
        }
        else if (SystemNames.FirstOrDefault(n => _row.TryGetProperty(n, out JsonElement v)
            && (v.ValueKind == JsonValueKind.Null || v.ValueEqualsText(""))) is { } empty)
        {
            _used.Add(empty);
        }
    }

    // LLaMA-Factory's earlier turns: [["question", "answer"], ...].
    private List<ChatTurn> History()
    {
        var turns = new List<ChatTurn>();
        if (!_row.TryGetProperty("history", out JsonElement history) || !(history.ValueKind == JsonValueKind.Null || IsPairs(history)))
            return turns;
        _used.Add("history");
        if (history.ValueKind == JsonValueKind.Null)
            return turns;
        foreach (JsonElement pair in history.EnumerateArray())
        {
            turns.Add(new("user", pair[0].GetString()!));
            turns.Add(new("assistant", pair[1].GetString()!));
        }

        return turns;
    }

    private static bool IsPairs(JsonElement history) => history.ValueKind == JsonValueKind.Array && history.EnumerateArray().All(
        pair => pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2
            && pair.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String));
}

/// <summary>Small helpers of JSON elements.</summary>
internal static class JsonElements
{
    public static bool ValueEqualsText(this JsonElement value, string text) =>
        value.ValueKind == JsonValueKind.String && value.ValueEquals(text);
}
