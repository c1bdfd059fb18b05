using System.Text.Json;
using Tuna.Data;

namespace Tuna.Evaluation.LMentry;

/// <summary>One example of an LMentry task.</summary>
/// <param name="Task">The task's name, such as <c>first_letter</c>.</param>
/// <param name="Id">The example's id within the task.</param>
/// <param name="Input">What the model is given, as it stands in the data.</param>
/// <param name="Template">Which of the task's input templates it was made from, from 0.</param>
/// <param name="Metadata">What the scorer reads: an object whose members depend on the task.</param>
public sealed record LMentryExample(string Task, string Id, string Input, int Template, JsonElement Metadata)
{
    // Which word is the answer: 0 or 1 in the tasks of two words, up to 4 in those of five.
    internal int? AnswerIndex =>
        Metadata.ValueKind == JsonValueKind.Object && Metadata.TryGetProperty("answer_index", out JsonElement index)
        && index.ValueKind == JsonValueKind.Number && index.TryGetInt32(out int value) ? value : null;

    internal string Text(string name) => Member(name, JsonValueKind.String).GetString()!;

    internal long Number(string name) => Member(name, JsonValueKind.Number).TryGetInt64(out long value)
        ? value
        : throw Bad("holds a number that is not whole", name);

    internal string[] Words(string name)
    {
        JsonElement list = Member(name, JsonValueKind.Array);
        return list.EnumerateArray().All(word => word.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(word => word.GetString()!)]
            : throw Bad("holds an item that is not a string", name);
    }

    internal DataFormatException Bad(string what, string? key = null) =>
        new($"the metadata {what}. Take the example from the benchmark's own data.", DataPlace.Whole($"LMentry task '{Task}'"), key, Id);

    private JsonElement Member(string name, JsonValueKind kind)
    {
        if (Metadata.ValueKind != JsonValueKind.Object || !Metadata.TryGetProperty(name, out JsonElement value))
            throw Bad("lacks a value", name);
        return value.ValueKind == kind ? value : throw Bad($"holds {value.ValueKind} where {kind} is needed", name);
    }
}

/// <summary>What a scorer says about a prediction.</summary>
/// <param name="Correct">The official score, 1 or 0.</param>
/// <param name="Certain">The official certainty: whether the prediction was understood as a whole.</param>
public readonly record struct LMentryVerdict(bool Correct, bool Certain)
{
    internal static LMentryVerdict Right => new(true, true);

    internal static LMentryVerdict Wrong => new(false, true);
}
