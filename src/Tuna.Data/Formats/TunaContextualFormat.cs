using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>The paper's published data for contextual ranking: <c>instruct</c> (Alpaca's prompt), <c>generation[]</c>, <c>rank[]</c> by
/// GPT-4, best first.</summary>
/// <remarks>
/// The judge's own answer takes part in its ranking under the index after the last response; it is left out here, as the method demands.
/// Scores are the places counted from the end, and a response that the judge dropped has none. The judge's texts (<c>prompt</c>,
/// <c>gpt_eval</c>, <c>response_4</c> ..) stay as extra fields.
/// </remarks>
internal sealed class TunaContextualFormat : JsonRowFormat
{
    private static readonly FieldNames Names =
        new(["instruct", "generation", "rank", .. RowRest.Names, .. FieldNames.OfFormsBefore("tuna-c")]);
    private static readonly HashSet<string> Own = ["instruct", "generation", "rank"];

    /// <summary>The shared instance (it has no state).</summary>
    public static TunaContextualFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruct"u8, AlpacaPromptTemplate.Instance.Format(row.Instruction, row.Input));
        RowJson.WriteStrings(writer, "generation"u8, row.Outputs);
        RowJson.WriteIntegers(writer, "rank"u8, [.. row.Order().Select(k => (int?)k)]);
        RowRest.Write(writer, row, Names, score: true);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        (string instruction, string? input) =
            PromptText.Split(RowFields.Text(RowFields.Required(row, "instruct", context), "instruct", context));
        string[] outputs = RowFields.Texts(RowFields.Required(row, "generation", context), "generation", context);
        if (outputs.Length == 0)
            throw context.Error("there are no responses; a row has at least one.", "generation");
        var places = new List<int>();
        foreach (JsonElement item in RowFields.Array(RowFields.Required(row, "rank", context), "rank", context).EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int k) || k < 0 || k > outputs.Length)
                throw context.Error(
                    $"'{item.GetRawText()}' is not the index of a response; indices are 0 to {outputs.Length}, the last for the judge's "
                    + $"own answer.", "rank");
            if (places.Contains(k))
                throw context.Error($"{k} stands twice.", "rank");
            places.Add(k);
        }

        places.Remove(outputs.Length);
        var scores = new double?[outputs.Length];
        for (int place = 0; place < places.Count; place++)
            scores[places[place]] = places.Count - 1 - place;
        return RowRest.Read(new() { Id = "", Instruction = instruction, Input = input, Outputs = outputs, Scores = scores }, row, Names,
            Own);
    }
}
