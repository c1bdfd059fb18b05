using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The rows of UltraFeedback (Cui et al., arXiv 2310.01377): <c>instruction</c> and <c>completions[]</c> with <c>model</c>,
/// <c>response</c>, an overall score and ratings per aspect.</summary>
/// <remarks>
/// The ratings of each aspect are kept in the extra field <c>aspects</c> (<c>{"helpfulness": [5, null, ..], ..}</c>, one entry per
/// candidate), and what else a completion says (critique, rationales, overall score, principle) in <c>candidate_notes</c>, a list of
/// objects; both come back on writing. Ratings may be numbers or texts; "N/A" is a missing one.
/// </remarks>
/// <param name="score">Which of the numbers ranks the candidates.</param>
public sealed class UltraFeedbackFormat(UltraFeedbackScore score = UltraFeedbackScore.MeanOfAspects) : JsonRowFormat
{
    private static readonly FieldNames Names =
        new(["instruction", "completions", "models", "reference", "logprob", "tokens", .. FieldNames.OfFormsBefore("ultrafeedback")]);
    private static readonly HashSet<string> Own = ["instruction", "completions"];

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        int n = row.Outputs.Count;
        using JsonDocument? aspects = Notes(row, CandidateNotes.Aspects, root => AreAspects(root, n));
        using JsonDocument? notes =
            Notes(row, CandidateNotes.Field, root => CandidateNotes.Fit(root, n) && AreNotes(root, aspects?.RootElement, n));
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruction"u8, PromptText.Of(row, null));
        RowJson.WriteStrings(writer, "models"u8, row.Models);
        writer.WriteStartArray("completions"u8);
        for (int k = 0; k < n; k++)
            WriteCompletion(writer, row, k, CandidateNotes.Of(notes?.RootElement, k, n), aspects?.RootElement);
        writer.WriteEndArray();
        RowRest.Write(writer, row, Names, models: false,
            left: [.. notes is null ? [] : (string[])[CandidateNotes.Field], .. aspects is null ? [] : (string[])[CandidateNotes.Aspects]]);
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
        var notes = new IReadOnlyList<ExtraField>[n];
        var aspects = new SortedDictionary<string, double?[]>(StringComparer.Ordinal);
        int k = 0;
        foreach (JsonElement completion in completions.EnumerateArray())
        {
            string key = $"completions[{k}]";
            if (completion.ValueKind != JsonValueKind.Object)
                throw context.Error($"expected an object, found {RowFields.Name(completion)}.", key);
            outputs[k] = RowFields.Text(RowFields.Required(completion, "response", context), key + ".response", context);
            models[k] = RowFields.OptionalText(completion, "model", context);
            bool noted = ReadAspects(completion, k, n, aspects, key, context);
            bool ranks = score != UltraFeedbackScore.FineGrained && !aspects.Values.Any(r => r[k] is not null);
            notes[k] = ReadNotes(completion, noted, ranks, key, context);
            scores[k] = completion.TryGetProperty(ScoreField, out _)
                ? Field(completion, ScoreField, key, context) : Ranks(completion, aspects, k, key, context);
            k++;
        }

        var more = new List<ExtraField>();
        if (aspects.Count > 0)
            more.Add(new(CandidateNotes.Aspects, Json(aspects)));
        if (notes.Any(f => f.Count > 0))
            more.Add(new(CandidateNotes.Field, CandidateNotes.Json(notes)));
        (string instruction, string? input) =
            PromptText.Split(RowFields.Text(RowFields.Required(row, "instruction", context), "instruction", context));
        var used = new HashSet<string>(Own);
        if (row.TryGetProperty("models", out JsonElement names) && names.ValueKind == JsonValueKind.Array
            && (names.GetArrayLength() == 0
                || names.EnumerateArray().Select(m => m.ValueKind == JsonValueKind.String ? m.GetString() : null).SequenceEqual(models)))
            used.Add("models"); // said again in each completion
        return RowRest.Read(
            new() { Id = "", Instruction = instruction, Input = input, Outputs = outputs, Scores = scores,
                Models = Array.TrueForAll(models, m => m is null) ? [] : models }, row, Names, used, [.. more]);
    }

    // A ranker's own score, where it is not what the form's numbers say.
    private const string ScoreField = "score";

    private double? Ranks(JsonElement completion, SortedDictionary<string, double?[]> aspects, int k, string key, RowContext context) =>
        score switch
    {
        UltraFeedbackScore.Overall => Field(completion, "overall_score", key, context),
        UltraFeedbackScore.FineGrained => Field(completion, "fine-grained_score", key, context),
        _ => Mean(aspects, k) ?? Field(completion, "overall_score", key, context),
    };

    // Everything of a completion but what the row has fields for; annotations only where they say more than the ratings, the overall score
    // only where it is not the row's.
    private static List<ExtraField> ReadNotes(JsonElement completion, bool annotated, bool overallRanks, string key, RowContext context)
    {
        var notes = new List<ExtraField>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonProperty field in completion.EnumerateObject())
        {
            if (!seen.Add(field.Name))
                throw context.Error("the completion has this key twice; remove or rename one.", $"{key}.{field.Name}");
            if (field.Name is not ("model" or "response" or ScoreField) && (field.Name != "annotations" || annotated)
                && !(field.Name == "overall_score" && overallRanks && field.Value.ValueKind == JsonValueKind.Number))
                notes.Add(new(field.Name, field.Value.GetRawText()));
        }

        return notes;
    }

    private static JsonDocument? Notes(RankedExample row, string name, Predicate<JsonElement> fit)
    {
        if (row.Extra.FirstOrDefault(f => f.Name == name).Json is not { } json)
            return null;
        JsonDocument document = JsonDocument.Parse(json);
        if (fit(document.RootElement))
            return document;
        document.Dispose();
        return null;
    }

    // Whether notes can stand in completions: their numbers can be read there, and their annotations say what the aspects say.
    private static bool AreNotes(JsonElement notes, JsonElement? aspects, int n)
    {
        var context = new RowContext("");
        try
        {
            for (int k = 0; k < n; k++)
            {
                if (notes[k].ValueKind != JsonValueKind.Object)
                    continue;
                Field(notes[k], "overall_score", "", context);
                Field(notes[k], "fine-grained_score", "", context);
                var read = new SortedDictionary<string, double?[]>(StringComparer.Ordinal);
                if (notes[k].TryGetProperty("model", out _) || notes[k].TryGetProperty("response", out _)
                    || notes[k].TryGetProperty(ScoreField, out _))
                    return false;
                if (!notes[k].TryGetProperty("annotations", out _))
                    continue;
                if (!ReadAspects(notes[k], k, n, read, "", context))
                    return false;
                foreach (string name in read.Keys.Concat(aspects?.EnumerateObject().Select(a => a.Name) ?? []))
                {
                    double? here = read.TryGetValue(name, out double?[]? ratings) ? ratings[k] : null;
                    double? there = aspects is { } a && a.TryGetProperty(name, out JsonElement list)
                        && list[k].ValueKind == JsonValueKind.Number ? list[k].GetDouble() : null;
                    if (here != there)
                        return false;
                }
            }
        }
        catch (DataFormatException)
        {
            return false;
        }

        return true;
    }

    private static bool AreAspects(JsonElement root, int n) =>
        root.ValueKind == JsonValueKind.Object && root.EnumerateObject().Any() && root.EnumerateObject().All(
        a => a.Value.ValueKind == JsonValueKind.Array && a.Value.GetArrayLength() == n
            && a.Value.EnumerateArray().All(v => v.ValueKind is JsonValueKind.Number or JsonValueKind.Null));

    private static double? Field(JsonElement completion, string name, string key, RowContext context) =>
        completion.TryGetProperty(name, out JsonElement value) ? RowFields.Number(value, $"{key}.{name}", context) : null;

    // Reads the ratings; whether the annotations say more than these.
    private static bool ReadAspects(JsonElement completion, int k, int n, SortedDictionary<string, double?[]> aspects, string key,
        RowContext context)
    {
        if (!completion.TryGetProperty("annotations", out JsonElement annotations))
            return false;
        if (annotations.ValueKind != JsonValueKind.Object)
            return true;
        bool more = !annotations.EnumerateObject().Any();
        foreach (JsonProperty aspect in annotations.EnumerateObject())
        {
            // An aspect is {"Rating": "4", "Rationale": ..}, a list of one such, or the number itself.
            JsonElement value = aspect.Value.ValueKind == JsonValueKind.Array && aspect.Value.GetArrayLength() > 0
                ? aspect.Value[0] : aspect.Value;
            more |= value.ValueKind != JsonValueKind.Object || aspect.Value.ValueKind != JsonValueKind.Object
                || value.EnumerateObject().Count() > 1;
            if (value.ValueKind == JsonValueKind.Object && !value.TryGetProperty("Rating", out value))
                continue;
            if (!aspects.TryGetValue(aspect.Name, out double?[]? ratings))
                aspects[aspect.Name] = ratings = new double?[n];
            ratings[k] = RowFields.Number(value, $"{key}.annotations.{aspect.Name}", context);
        }

        return more;
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

    private void WriteCompletion(Utf8JsonWriter writer, RankedExample row, int k, List<ExtraField> notes, JsonElement? aspects)
    {
        double? value = k < row.Scores.Count ? row.Scores[k] : null;
        writer.WriteStartObject();
        if (k < row.Models.Count && row.Models[k] is { } model)
            writer.WriteString("model"u8, model);
        writer.WriteString("response"u8, row.Outputs[k]);
        bool annotated = notes.Exists(f => f.Name == "annotations"), overall = notes.Exists(f => f.Name == "overall_score");
        foreach (ExtraField note in notes.Where(f => f.Name is not ("model" or "response" or ScoreField)))
        {
            writer.WritePropertyName(note.Name);
            writer.WriteRawValue(note.Json);
        }

        if (!annotated && aspects is { } ratings)
            WriteAspects(writer, ratings, k);
        double? implied = Implied(notes, aspects, k);
        if (!overall && implied is null && value is not null && score != UltraFeedbackScore.FineGrained)
            writer.WriteNumber("overall_score"u8, value.Value);
        else if (implied != value)
            RowJson.WriteNumber(writer, "score"u8, value);
        writer.WriteEndObject();
    }

    // The score that reading gives without the field of its own.
    private double? Implied(List<ExtraField> notes, JsonElement? aspects, int k)
    {
        double? Note(string name)
        {
            if (notes.Find(f => f.Name == name).Json is not { } json)
                return null;
            using JsonDocument value = JsonDocument.Parse(json);
            return RowFields.Number(value.RootElement, name, new RowContext(""));
        }

        if (score != UltraFeedbackScore.MeanOfAspects)
            return Note(score == UltraFeedbackScore.Overall ? "overall_score" : "fine-grained_score");
        double[] ratings = aspects is null
            ? [] : [.. aspects.Value.EnumerateObject().Where(a => a.Value[k].ValueKind == JsonValueKind.Number)
            .OrderBy(a => a.Name, StringComparer.Ordinal).Select(a => a.Value[k].GetDouble())];
        return ratings.Length > 0 ? ratings.Sum() / ratings.Length : Note("overall_score");
    }

    private static void WriteAspects(Utf8JsonWriter writer, JsonElement aspects, int k)
    {
        writer.WriteStartObject("annotations"u8);
        foreach (JsonProperty aspect in aspects.EnumerateObject())
        {
            writer.WriteStartObject(aspect.Name);
            writer.WriteString("Rating"u8, aspect.Value[k].ValueKind == JsonValueKind.Number
                ? aspect.Value[k].GetDouble().ToString(CultureInfo.InvariantCulture) : "N/A");
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }
}

/// <summary>Which number of an UltraFeedback completion ranks it.</summary>
public enum UltraFeedbackScore
{
    /// <summary>The mean of the aspects' ratings, or the overall score where there are none. The published overall scores hold known
    /// mistakes (poor answers with 10), so this is the default.</summary>
    MeanOfAspects,

    /// <summary><c>overall_score</c>.</summary>
    Overall,

    /// <summary><c>fine-grained_score</c>.</summary>
    FineGrained,
}
