using System.Text.Json;
using Tuna.Data.Formats;

namespace Tuna.Data;

/// <summary>Ranked rows in the form of the paper's release: <c>id</c>, <c>instruction</c>, <c>output[]</c>, <c>score[]</c>, and more that
/// is optional.</summary>
/// <remarks>
/// Optional are <c>input</c>, <c>reference</c>, and per candidate <c>model[]</c>, <c>logprob[]</c> and <c>tokens[]</c>. Scores are finite
/// numbers, higher is better, or null where they are missing; a row without <c>score</c> is not ranked yet. A row without an id is named by
/// its position. Other fields are kept.
/// </remarks>
public sealed class RankedFormat : RowFormat<RankedExample>
{
    /// <summary>The shared instance (it has no state).</summary>
    public static RankedFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override RankedExample Read(ref Utf8JsonReader reader, RowContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Expect(reader, JsonTokenType.StartObject);
        string? id = null, instruction = null, input = null, reference = null;
        bool number = false;
        string[]? outputs = null;
        double?[] scores = [], logProbs = [];
        string?[] models = [];
        int?[] tokens = [];
        List<ExtraField>? extra = null, near = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("id"u8) && reader.Read())
                (id, number) = context.Id(ref reader);
            else if (reader.ValueTextEquals("instruction"u8) && reader.Read())
                instruction = context.String(ref reader, "instruction");
            else if (reader.ValueTextEquals("input"u8) && reader.Read())
                input = context.StringOrNull(ref reader, "input");
            else if (reader.ValueTextEquals("output"u8) && reader.Read())
                outputs = context.Strings(ref reader, "output");
            else if (reader.ValueTextEquals("score"u8) && reader.Read())
                scores = reader.TokenType == JsonTokenType.Null ? [] : context.Numbers(ref reader, "score");
            else if (reader.ValueTextEquals("reference"u8) && reader.Read())
                reference = context.StringOrNull(ref reader, "reference");
            else if (reader.ValueTextEquals("model"u8) && reader.Read())
                models = reader.TokenType == JsonTokenType.Null ? [] : context.SharedStrings(ref reader, "model");
            else if (reader.ValueTextEquals("logprob"u8) && reader.Read())
                logProbs = reader.TokenType == JsonTokenType.Null ? [] : context.Numbers(ref reader, "logprob");
            else if (reader.ValueTextEquals("tokens"u8) && reader.Read())
                tokens = reader.TokenType == JsonTokenType.Null ? [] : context.Integers(ref reader, "tokens");
            else
            {
                bool moved = reader.ValueSpan.StartsWith("_extra_"u8); // by this library: it is another field for certain
                ExtraField field = context.Extra(ref reader, Names);
                (extra ??= []).Add(field);
                if (!moved && IsNearScore(field.Name))
                    (near ??= []).Add(field);
            }
        }

        if (id is null)
        {
            id = context.PositionId();
            number = true;
        }

        context.RowId = id;
        if (outputs is null)
            throw context.Error("the candidates are missing; every row has an array of them.", "output");
        if (outputs.Length == 0)
            throw context.Error("there are no candidates; a row has at least one.", "output");
        if (scores.Length == 0)
            CheckMiswritten(near, outputs.Length, context);
        Check(context, "score", scores.Length, outputs.Length);
        Check(context, "model", models.Length, outputs.Length);
        Check(context, "logprob", logProbs.Length, outputs.Length);
        Check(context, "tokens", tokens.Length, outputs.Length);
        for (int k = 0; k < tokens.Length; k++)
        {
            if (tokens[k] < 1)
                throw context.Error($"item {k} is {tokens[k]}; a response has at least one token, its end.", "tokens");
        }

        return new()
        {
            Id = id,
            IdIsNumber = number,
            Instruction = instruction ?? throw context.Error("the instruction is missing; every row has one.", "instruction"),
            Input = input,
            Outputs = outputs,
            Scores = scores,
            Reference = reference,
            Models = models,
            LogProbs = logProbs,
            TokenCounts = tokens,
            Extra = extra is null ? [] : [.. extra],
        };
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruction"u8, row.Instruction);
        if (row.Input is not null)
            writer.WriteString("input"u8, row.Input);
        RowJson.WriteStrings(writer, "output"u8, row.Outputs);
        if (row.Scores.Count > 0)
            RowJson.WriteNumbers(writer, "score"u8, row.Scores);
        if (row.Reference is not null)
            writer.WriteString("reference"u8, row.Reference);
        if (row.Models.Count > 0)
            RowJson.WriteStrings(writer, "model"u8, row.Models);
        if (row.LogProbs.Count > 0)
            RowJson.WriteNumbers(writer, "logprob"u8, row.LogProbs);
        if (row.TokenCounts.Count > 0)
            RowJson.WriteIntegers(writer, "tokens"u8, row.TokenCounts);
        RowJson.WriteExtra(writer, row.Extra, Names);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public override string? IdOf(RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Id;
    }

    internal override RankedExample? TryReadQuickly(RowContext context)
    {
        if (!context.Scan.TryScan(context.Raw))
            return null;
        RankedExample row = context.Scan.ToExample(context);
        context.RowId = row.Id;
        return row;
    }

    internal override RankedExample WithId(RankedExample row, string id, RowContext context) => row with { Id = id, IdIsNumber = false };

    /// <summary>The format's own fields, and the ways in which <c>score</c> is miswritten.</summary>
    internal static FieldNames Names { get; } =
        new(["instruction", "input", "output", "score", "reference", "model", "logprob", "tokens", "scores", "Score", "Scores", "SCORE",
        .. FieldNames.OfFormsBefore("ranked")]);

    // Scores under a name that is nearly theirs would be kept as an unknown field, and the row taken for one that is not ranked.
    private static void CheckMiswritten(List<ExtraField>? near, int outputs, RowContext context)
    {
        foreach (ExtraField field in near ?? [])
        {
            using JsonDocument value = JsonDocument.Parse(field.Json);
            if (value.RootElement.ValueKind == JsonValueKind.Array && value.RootElement.GetArrayLength() == outputs)
                throw context.Error("did you mean 'score'? The row has no 'score', and this is a list with one item for each candidate.",
                    field.Name);
        }
    }

    private static bool IsNearScore(string name) =>
        name.Equals("score", StringComparison.OrdinalIgnoreCase) || name.Equals("scores", StringComparison.OrdinalIgnoreCase);

    private static void Check(RowContext context, string key, int count, int outputs)
    {
        if (count != 0 && count != outputs)
            throw context.Error($"{count} items for {outputs} candidates; there is one for each, null where it is missing.", key);
    }
}
