using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>What a ranked row knows and a foreign form has no place for: written beside the form's fields under the names of
/// <see cref="RankedFormat"/>, and read back from there.</summary>
internal static class RowRest
{
    /// <summary>The names.</summary>
    public static readonly string[] Names = ["score", "reference", "model", "logprob", "tokens"];

    /// <summary>The row with what its form does not express, and with all its other fields.</summary>
    /// <param name="row">What the form says.</param>
    /// <param name="json">The row in the file.</param>
    /// <param name="names">The form's names.</param>
    /// <param name="used">The fields that the form has read.</param>
    /// <param name="more">Extra fields that the form has made of others.</param>
    public static RankedExample Read(RankedExample row, JsonElement json, FieldNames names, IReadOnlySet<string> used,
        params ReadOnlySpan<ExtraField> more)
    {
        var extra = new List<ExtraField>();
        int n = row.Outputs.Count;
        foreach (JsonProperty field in json.EnumerateObject())
        {
            if (field.Name == "id" || used.Contains(field.Name) || (names.IsOwn(field.Name) && TryUse(ref row, field, n)))
                continue;
            extra.Add(new(FieldNames.Free(extra, names.InRow(field.Name)), field.Value.GetRawText()));
        }

        ExtraField[] all = [.. extra];
        foreach (ExtraField field in more)
            all = FieldNames.Add(all, field.Name, field.Json);
        return row with { Extra = all };
    }

    /// <summary>Writes what a form does not express, and the extra fields.</summary>
    /// <param name="writer">Stands in the row's object.</param>
    /// <param name="row">The row.</param>
    /// <param name="names">The form's names.</param>
    /// <param name="order">The candidates in the order in which they are written; null for the row's own.</param>
    /// <param name="score">Whether the form does not give the scores exactly.</param>
    /// <param name="reference">Whether the form has no reference.</param>
    /// <param name="models">Whether the form has no models.</param>
    /// <param name="logProbs">Whether the form has no log-probabilities and lengths.</param>
    /// <param name="left">Extra fields that the form expresses.</param>
    public static void Write(
        Utf8JsonWriter writer, RankedExample row, FieldNames names, int[]? order = null, bool score = false, bool reference = true,
            bool models = true, bool logProbs = true, params IReadOnlyList<string> left)
    {
        RankedExample rest = order is null ? row : row.Keep(order);
        if (score && rest.Scores.Count > 0)
            RowJson.WriteNumbers(writer, "score"u8, rest.Scores);
        if (reference && rest.Reference is not null)
            writer.WriteString("reference"u8, rest.Reference);
        if (models && rest.Models.Count > 0)
            RowJson.WriteStrings(writer, "model"u8, rest.Models);
        if (logProbs && rest.LogProbs.Count > 0)
            RowJson.WriteNumbers(writer, "logprob"u8, rest.LogProbs);
        if (logProbs && rest.TokenCounts.Count > 0)
            RowJson.WriteIntegers(writer, "tokens"u8, rest.TokenCounts);
        RowJson.WriteExtra(writer, left.Count == 0 ? rest.Extra : [.. rest.Extra.Where(f => !left.Contains(f.Name))], names);
    }

    // A field of the name that is something else stays an unknown one.
    private static bool TryUse(ref RankedExample row, JsonProperty field, int n)
    {
        JsonElement value = field.Value;
        switch (field.Name)
        {
            case "score" when Items(value, n, JsonValueKind.Number) && Numbers(value) is { } scores && Agree(scores, row.Scores):
                row = row with { Scores = scores };
                return true;
            case "reference" when value.ValueKind == JsonValueKind.String && row.Reference is null:
                row = row with { Reference = value.GetString() };
                return true;
            case "model" when row.Models.Count == 0 && Items(value, n, JsonValueKind.String):
                row = row with { Models = [.. value.EnumerateArray().Select(v => v.GetString())] };
                return true;
            case "logprob" when row.LogProbs.Count == 0 && Items(value, n, JsonValueKind.Number) && Numbers(value) is { } logProbs:
                row = row with { LogProbs = logProbs };
                return true;
            case "tokens" when row.TokenCounts.Count == 0 && Items(value, n, JsonValueKind.Number)
                && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Null || (v.TryGetInt32(out int c) && c >= 1)):
                row = row with
                {
                    TokenCounts = [.. value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Null ? (int?)null : v.GetInt32())],
                };
                return true;
            default:
                return false;
        }
    }

    private static bool Items(JsonElement value, int n, JsonValueKind kind) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == n && n > 0
            && value.EnumerateArray().All(v => v.ValueKind == kind || v.ValueKind == JsonValueKind.Null);

    // Null when a number is out of range.
    private static double?[]? Numbers(JsonElement value)
    {
        double?[] numbers = [.. value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Null ? (double?)null : v.GetDouble())];
        return Array.TrueForAll(numbers, x => x is null || double.IsFinite(x.Value)) ? numbers : null;
    }

    // Whether scores rank as the form's own field does; if they do not, someone has changed one of the two, and the form's own holds.
    private static bool Agree(double?[] scores, IReadOnlyList<double?> form)
    {
        for (int a = 0; a < form.Count; a++)
        {
            if (scores[a] is null != form[a] is null)
                return false;
            for (int b = 0; b < a && form[a] is not null; b++)
            {
                if (form[b] is not null && scores[a]!.Value.CompareTo(scores[b]) != form[a]!.Value.CompareTo(form[b]))
                    return false;
            }
        }

        return true;
    }
}
