using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The rows of Nectar (Zhu et al., 2023): <c>prompt</c> and <c>answers[]</c>, seven of them, with <c>answer</c>, <c>model</c> and
/// <c>rank</c>, 1 for the best.</summary>
/// <remarks>A candidate's score is the worst rank minus its own, so that higher is better; equal ranks are ties. Other fields of an answer
/// are kept in <c>candidate_notes</c>.</remarks>
internal sealed class NectarFormat : JsonRowFormat
{
    private static readonly FieldNames Names = new(["prompt", "answers", .. RowRest.Names, .. FieldNames.OfFormsBefore("nectar")]);
    private static readonly HashSet<string> Own = ["prompt", "answers"];

    /// <summary>The shared instance (it has no state).</summary>
    public static NectarFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("prompt"u8, PromptText.Of(row, null));
        writer.WriteStartArray("answers"u8);
        for (int k = 0; k < row.Outputs.Count; k++)
        {
            writer.WriteStartObject();
            writer.WriteString("answer"u8, row.Outputs[k]);
            if (k < row.Models.Count)
                writer.WriteString("model"u8, row.Models[k]);
            if (k < row.Scores.Count && row.Scores[k] is { } score)
                writer.WriteNumber("rank"u8, 1 + row.Scores.Where(s => s > score).Distinct().Count());
            else
                writer.WriteNull("rank"u8);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        RowRest.Write(writer, row, Names, score: true, models: false);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        JsonElement[] answers = [.. RowFields.Array(RowFields.Required(row, "answers", context), "answers", context).EnumerateArray()];
        if (answers.Length == 0)
            throw context.Error("there are no answers; a row has at least one.", "answers");
        var outputs = new string[answers.Length];
        var models = new string?[answers.Length];
        var ranks = new double?[answers.Length];
        var notes = new IReadOnlyList<ExtraField>[answers.Length];
        for (int k = 0; k < answers.Length; k++)
        {
            string key = $"answers[{k}]";
            if (answers[k].ValueKind != JsonValueKind.Object)
                throw context.Error($"expected an object, found {RowFields.Name(answers[k])}.", key);
            outputs[k] = RowFields.Text(RowFields.Required(answers[k], "answer", context), key + ".answer", context);
            models[k] = RowFields.OptionalText(answers[k], "model", context);
            ranks[k] = answers[k].TryGetProperty("rank", out JsonElement rank) ? RowFields.Number(rank, key + ".rank", context) : null;
            notes[k] = [.. answers[k].EnumerateObject().Where(f => f.Name is not ("answer" or "model" or "rank"))
                .Select(f => new ExtraField(f.Name, f.Value.GetRawText()))];
        }

        double? worst = ranks.Max();
        ExtraField[] more = notes.All(f => f.Count == 0) ? [] : [new(CandidateNotes.Field, CandidateNotes.Json(notes))];
        (string instruction, string? input) =
            PromptText.Split(RowFields.Text(RowFields.Required(row, "prompt", context), "prompt", context));
        return RowRest.Read(
            new()
            {
                Id = "",
                Instruction = instruction,
                Input = input,
                Outputs = outputs,
                Scores = [.. ranks.Select(r => worst - r)],
                Models = Array.TrueForAll(models, m => m is null) ? [] : models,
            },
            row, Names, Own, more);
    }
}
