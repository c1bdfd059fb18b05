using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The rows of UltraFeedback (Cui et al., arXiv 2310.01377): <c>instruction</c> and <c>completions[]</c> with <c>model</c>, <c>response</c>, an overall score and ratings per aspect.</summary>
/// <remarks>
/// The ratings of each aspect are kept in the extra field <c>aspects</c> (<c>{"helpfulness": [5, null, ..], ..}</c>, one entry per candidate), and come back on writing.
/// Ratings may be numbers or texts; "N/A" is a missing one.
/// </remarks>
/// <param name="score">Which of the numbers ranks the candidates.</param>
public sealed class UltraFeedbackFormat(UltraFeedbackScore score = UltraFeedbackScore.MeanOfAspects) : JsonRowFormat
{
    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        string? aspectsJson = row.Extra.FirstOrDefault(f => f.Name == "aspects").Json;
        using JsonDocument? aspects = aspectsJson is null ? null : JsonDocument.Parse(aspectsJson);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruction"u8, PromptText.Of(row, null));
        RowJson.WriteStrings(writer, "models"u8, row.Models);
        writer.WriteStartArray("completions"u8);
        for (int k = 0; k < row.Outputs.Count; k++)
            WriteCompletion(writer, row, k, aspects);
        writer.WriteEndArray();
        RowJson.WriteExtra(writer, [.. row.Extra.Where(f => f.Name != "aspects")]);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        JsonElement completions = RowFields.Array(RowFields.Required(row, "completions", context), "completions", context);
        int n = completions.GetArrayLength();
        if (n == 0)
            throw context.Error("there are no completions; a row has at least one.", "completions");
        var outputs = new string[n];
        var scores = new double?[n];
        var models = new string?[n];
        var aspects = new SortedDictionary<string, double?[]>(StringComparer.Ordinal);
        int k = 0;
        foreach (JsonElement completion in completions.EnumerateArray())
        {
            string key = $"completions[{k}]";
            if (completion.ValueKind != JsonValueKind.Object)
                throw context.Error($"expected an object, found {RowFields.Name(completion)}.", key);
            outputs[k] = RowFields.Text(RowFields.Required(completion, "response", context), key + ".response", context);
            models[k] = RowFields.OptionalText(completion, "model", context);
            ReadAspects(completion, k, n, aspects, key, context);
            scores[k] = score switch
            {
                UltraFeedbackScore.Overall => Field(completion, "overall_score", key, context),
                UltraFeedbackScore.FineGrained => Field(completion, "fine-grained_score", key, context),
                _ => Mean(aspects, k) ?? Field(completion, "overall_score", key, context),
            };
            k++;
        }

        ExtraField[] extra = RowFields.Extra(row, "instruction", "completions", "models");
        if (aspects.Count > 0)
            extra = [.. extra, new("aspects", Json(aspects))];
        (string instruction, string? input) = PromptText.Split(RowFields.Text(RowFields.Required(row, "instruction", context), "instruction", context));
        return new() { Id = "", Instruction = instruction, Input = input, Outputs = outputs, Scores = scores, Models = Array.TrueForAll(models, m => m is null) ? [] : models, Extra = extra };
    }

    private static double? Field(JsonElement completion, string name, string key, RowContext context) =>
        completion.TryGetProperty(name, out JsonElement value) ? RowFields.Number(value, $"{key}.{name}", context) : null;

    private static void ReadAspects(JsonElement completion, int k, int n, SortedDictionary<string, double?[]> aspects, string key, RowContext context)
    {
        if (!completion.TryGetProperty("annotations", out JsonElement annotations) || annotations.ValueKind != JsonValueKind.Object)
            return;
        foreach (JsonProperty aspect in annotations.EnumerateObject())
        {
            // An aspect is {"Rating": "4", "Rationale": ..}, a list of one such, or the number itself.
            JsonElement value = aspect.Value.ValueKind == JsonValueKind.Array && aspect.Value.GetArrayLength() > 0 ? aspect.Value[0] : aspect.Value;
            if (value.ValueKind == JsonValueKind.Object && !value.TryGetProperty("Rating", out value))
                continue;
            if (!aspects.TryGetValue(aspect.Name, out double?[]? ratings))
                aspects[aspect.Name] = ratings = new double?[n];
            ratings[k] = RowFields.Number(value, $"{key}.annotations.{aspect.Name}", context);
        }
    }

    private static double? Mean(SortedDictionary<string, double?[]> aspects, int k)
    {
        double sum = 0;
        int count = 0;
        foreach (double?[] ratings in aspects.Values)
        {
            if (ratings[k] is not { } rating)
                continue;
            sum += rating;
            count++;
        }

        return count == 0 ? null : sum / count;
    }

    private static string Json(SortedDictionary<string, double?[]> aspects)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach ((string name, double?[] ratings) in aspects)
                RowJson.WriteNumbers(json, Encoding.UTF8.GetBytes(name), ratings);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteCompletion(Utf8JsonWriter writer, RankedExample row, int k, JsonDocument? aspects)
    {
        writer.WriteStartObject();
        if (k < row.Models.Count && row.Models[k] is { } model)
            writer.WriteString("model"u8, model);
        writer.WriteString("response"u8, row.Outputs[k]);
        if (k < row.Scores.Count && row.Scores[k] is { } value)
            writer.WriteNumber("overall_score"u8, value);
        if (aspects is { RootElement.ValueKind: JsonValueKind.Object })
        {
            writer.WriteStartObject("annotations"u8);
            foreach (JsonProperty aspect in aspects.RootElement.EnumerateObject())
            {
                if (aspect.Value.ValueKind != JsonValueKind.Array || k >= aspect.Value.GetArrayLength())
                    continue;
                writer.WriteStartObject(aspect.Name);
                writer.WriteString("Rating"u8, aspect.Value[k].ValueKind == JsonValueKind.Number ? aspect.Value[k].GetDouble().ToString(CultureInfo.InvariantCulture) : "N/A");
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }
}

/// <summary>Which number of an UltraFeedback completion ranks it.</summary>
public enum UltraFeedbackScore
{
    /// <summary>The mean of the aspects' ratings, or the overall score where there are none. The published overall scores hold known mistakes (poor answers with 10), so this is the default.</summary>
    MeanOfAspects,

    /// <summary><c>overall_score</c>.</summary>
    Overall,

    /// <summary><c>fine-grained_score</c>.</summary>
    FineGrained,
}
