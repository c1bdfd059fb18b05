using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>What a data set says of each candidate beyond its text: kept in extra fields with one entry for each, which follow the
/// candidates when some are taken.</summary>
/// <remarks><c>candidate_notes</c> is a list with an object or null for each candidate; <c>aspects</c> has a list of ratings for each
/// aspect.</remarks>
internal static class CandidateNotes
{
    public const string Field = "candidate_notes";
    public const string Aspects = "aspects";

    /// <summary>Extra fields with the notes of each candidate, if there are any.</summary>
    public static ExtraField[] Add(IReadOnlyList<ExtraField> extra, IReadOnlyList<IReadOnlyList<ExtraField>> notes) =>
        notes.All(n => n.Count == 0) ? [.. extra] : FieldNames.Add(extra, Field, Json(notes));

    /// <summary>The notes as JSON: a list of objects, null for a candidate without.</summary>
    public static string Json(IReadOnlyList<IReadOnlyList<ExtraField>> notes) => Text(json =>
    {
        json.WriteStartArray();
        foreach (IReadOnlyList<ExtraField> fields in notes)
        {
            if (fields.Count == 0)
            {
                json.WriteNullValue();
                continue;
            }

            json.WriteStartObject();
            foreach (ExtraField field in fields)
            {
                json.WritePropertyName(field.Name);
                json.WriteRawValue(field.Json);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>A candidate's notes in a row's extra field; empty when there are none that fit.</summary>
    public static List<ExtraField> Of(JsonElement? notes, int k, int n)
    {
        var fields = new List<ExtraField>();
        if (notes is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() != n || list[k].ValueKind != JsonValueKind.Object)
            return fields;
        foreach (JsonProperty field in list[k].EnumerateObject())
            fields.Add(new(field.Name, field.Value.GetRawText()));
        return fields;
    }

    /// <summary>Whether a row's notes are one list entry, object or null, per candidate, with valid and different names.</summary>
    public static bool Fit(JsonElement notes, int n)
    {
        if (notes.ValueKind != JsonValueKind.Array || notes.GetArrayLength() != n)
            return false;
        try
        {
            return notes.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Null
                || (e.ValueKind == JsonValueKind.Object
                    && e.EnumerateObject().Select(f => f.Name).Distinct().Count() == e.EnumerateObject().Count()));
        }
        catch (InvalidOperationException)
        {
            return false; // a name that is not valid text
        }
    }

    /// <summary>Extra fields in which the entries of some candidates are left, in an order.</summary>
    public static IReadOnlyList<ExtraField> Keep(IReadOnlyList<ExtraField> extra, int n, IReadOnlyList<int> candidates)
    {
        if (!extra.Any(f => f.Name is Field or Aspects))
            return extra;
        return [.. extra.Select(f => f.Name is Field or Aspects ? f with { Json = Keep(f.Json, n, candidates) } : f)];
    }

    private static string Keep(string text, int n, IReadOnlyList<int> candidates)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() == n)
            return Text(json => WriteItems(json, root, candidates));
        if (root.ValueKind != JsonValueKind.Object
            || !root.EnumerateObject().All(a => a.Value.ValueKind == JsonValueKind.Array && a.Value.GetArrayLength() == n))
            return text;
        return Text(json =>
        {
            json.WriteStartObject();
            foreach (JsonProperty aspect in root.EnumerateObject())
            {
                json.WritePropertyName(aspect.Name);
                WriteItems(json, aspect.Value, candidates);
            }

            json.WriteEndObject();
        });
    }

    private static void WriteItems(Utf8JsonWriter json, JsonElement list, IReadOnlyList<int> candidates)
    {
        json.WriteStartArray();
        foreach (int k in candidates)
            json.WriteRawValue(list[k].GetRawText());
        json.WriteEndArray();
    }

    private static string Text(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, DataFile.WriterOptions))
            write(json);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
