using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The paper's published data for probabilistic ranking: <c>orig</c> (an Alpaca row), <c>text[]</c>, <c>logprob[]</c>,
/// <c>length[]</c>, four responses of text-davinci-003 each.</summary>
/// <remarks>
/// A row keeps the log-probabilities and token counts and has no scores yet: Eq. 3 ranks it for any beta. The original output becomes the
/// reference. <c>avg_token_prob</c> stays an extra field.
/// </remarks>
internal sealed class TunaProbabilisticFormat : JsonRowFormat
{
    private static readonly FieldNames Names =
        new(["orig", "text", "logprob", "length", "score", "model", .. FieldNames.OfFormsBefore("tuna-p")]);
    private static readonly HashSet<string> Own = ["orig", "text", "logprob", "length"];

    /// <summary>The shared instance (it has no state).</summary>
    public static TunaProbabilisticFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteStartObject("orig"u8);
        writer.WriteString("instruction"u8, row.Instruction);
        writer.WriteString("input"u8, row.Input ?? "");
        writer.WriteString("output"u8, row.Reference ?? "");
        writer.WriteEndObject();
        RowJson.WriteStrings(writer, "text"u8, row.Outputs);
        RowJson.WriteNumbers(writer, "logprob"u8, row.LogProbs.Count > 0 ? row.LogProbs : new double?[row.Outputs.Count]);
        RowJson.WriteIntegers(writer, "length"u8, row.TokenCounts.Count > 0 ? row.TokenCounts : new int?[row.Outputs.Count]);
        RowRest.Write(writer, row, Names, score: true, reference: false, logProbs: false);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        JsonElement original = RowFields.Required(row, "orig", context);
        if (original.ValueKind != JsonValueKind.Object)
            throw context.Error($"expected an object, found {RowFields.Name(original)}.", "orig");
        string[] texts = RowFields.Texts(RowFields.Required(row, "text", context), "text", context);
        if (texts.Length == 0)
            throw context.Error("there are no responses; a row has at least one.", "text");
        double?[] logProbs = RowFields.Numbers(RowFields.Required(row, "logprob", context), "logprob", context);
        double?[] lengths = RowFields.Numbers(RowFields.Required(row, "length", context), "length", context);
        RowFields.Fits(logProbs.Length, texts.Length, "logprob", context);
        RowFields.Fits(lengths.Length, texts.Length, "length", context);
        string? input = RowFields.OptionalText(original, "input", context), output = RowFields.OptionalText(original, "output", context);
        // The original row's other fields stay with it.
        ExtraField[] more = original.EnumerateObject().Any(f => f.Name is not ("instruction" or "input" or "output"))
            ? [new("orig", original.GetRawText())] : [];
        return RowRest.Read(new()
        {
            Id = "",
            Instruction = RowFields.Text(RowFields.Required(original, "instruction", context), "orig.instruction", context),
            Input = string.IsNullOrEmpty(input) ? null : input,
            Outputs = texts,
            LogProbs = logProbs,
            TokenCounts = [.. lengths.Select((length, k) => Count(length, k, context))],
            Reference = string.IsNullOrEmpty(output) ? null : output,
        }, row, Names, Own, more);
    }

    private static int? Count(double? length, int k, RowContext context) => length is null ? null
        : length >= 1 && length <= int.MaxValue && Math.Floor(length.Value) == length ? (int)length.Value
        : throw context.Error($"item {k} is {length}; a response has a whole number of tokens, at least one.", "length");
}
