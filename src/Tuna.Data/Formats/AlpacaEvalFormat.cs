using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>AlpacaEval's annotations: <c>instruction</c>, <c>output_1</c>, <c>output_2</c>, <c>generator_1</c>, <c>generator_2</c>,
/// <c>preference</c>.</summary>
/// <remarks>
/// A preference is 1 (the first is better) to 2 (the second is), or between the two when the annotator gave a probability; 0 and 1.5 are
/// ties, null is missing. Scores are 2 - preference and preference - 1: the probability that a candidate is the better one. A row has the
/// two outputs as candidates; <see cref="Merge"/> joins the annotations of several models into one row per instruction.
/// </remarks>
public sealed class AlpacaEvalFormat : JsonRowFormat
{
    private static readonly string[] OwnNames = ["instruction", "output_1", "output_2", "generator_1", "generator_2", "preference"];
    private static readonly FieldNames Names = new([.. OwnNames, .. RowRest.Names, .. FieldNames.OfFormsBefore("alpacaeval")]);
    private static readonly HashSet<string> Own = [.. OwnNames];

    /// <summary>The shared instance (it has no state).</summary>
    public static AlpacaEvalFormat Instance { get; } = new();

    /// <summary>One row per instruction from annotations of several models against the same baseline.</summary>
    /// <param name="rows">Rows read by this format, of one or more files; all are held in memory.</param>
    /// <returns>
    /// Rows in the order in which their instructions first appear: the models' outputs with the probability that each is better than the
    /// baseline, whose output is the row's reference.
    /// </returns>
    public static IReadOnlyList<RankedExample> Merge(IEnumerable<RankedExample> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var order = new List<string>();
        var merged = new Dictionary<string, List<RankedExample>>(StringComparer.Ordinal);
        foreach (RankedExample row in rows)
        {
            if (row.Outputs.Count != 2)
                throw new ArgumentException($"Row '{row.Id}' is not an annotation: it has {row.Outputs.Count} candidates instead of two.",
                    nameof(rows));
            if (!merged.TryGetValue(row.Instruction, out List<RankedExample>? group))
            {
                merged[row.Instruction] = group = [];
                order.Add(row.Instruction);
            }

            if (!IsRepeated(row, group))
                group.Add(row);
        }

        return [.. order.Select((instruction, i) => Merged(merged[instruction])
            with { Id = i.ToString(System.Globalization.CultureInfo.InvariantCulture), IdIsNumber = true })];
    }

    // Scores against different texts do not compare, and of two verdicts on one model only one can be right.
    private static bool IsRepeated(RankedExample row, List<RankedExample> group)
    {
        foreach (RankedExample other in group)
        {
            if (other.Outputs[0] != row.Outputs[0] || Model(other, 0) != Model(row, 0))
            {
                throw new ArgumentException(
                    $"The annotations of '{Start(row.Instruction)}' have two baselines: '{Model(other, 0)}' ({Start(other.Outputs[0])}) "
                        + $"in row '{other.Id}' and '{Model(row, 0)}' ({Start(row.Outputs[0])}) "
                    + $"in row '{row.Id}'. Merge the annotations of one baseline at a time.", nameof(row));
            }

            if (Model(row, 1) is not { } model || Model(other, 1) != model)
                continue;
            if (other.Outputs[1] == row.Outputs[1] && other.Scores.SequenceEqual(row.Scores) && other.Extra.SequenceEqual(row.Extra))
                return true;
            throw new ArgumentException(
                $"The model '{model}' is annotated twice for '{Start(row.Instruction)}': with preference {other.Scores[1] + 1} in row "
                    + $"'{other.Id}' and {row.Scores[1] + 1} in row '{row.Id}'. Keep one of the two.", nameof(row));
        }

        return false;
    }

    // What all annotations say alike is the row's; the rest belongs to the candidates.
    private static RankedExample Merged(List<RankedExample> group)
    {
        ExtraField[] shared = [.. group[0].Extra.Where(f => group.TrueForAll(r => r.Extra.Contains(f)))];
        IReadOnlyList<ExtraField>[] notes = [.. group.Select(r => (IReadOnlyList<ExtraField>)[.. r.Extra.Except(shared)])];
        return group[0] with
        {
            Outputs = [.. group.Select(r => r.Outputs[1])],
            Scores = [.. group.Select(r => r.Scores[1])],
            Models = [.. group.Select(r => Model(r, 1))],
            LogProbs = [],
            TokenCounts = [],
            Reference = group[0].Outputs[0],
            Extra = CandidateNotes.Add(shared, notes),
        };
    }

    private static string? Model(RankedExample row, int k) => row.Models.Count == 2 ? row.Models[k] : null;

    private static string Start(string text) => text.Length <= 60 ? text : text[..(char.IsHighSurrogate(text[59]) ? 59 : 60)] + "...";

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        if (row.Outputs.Count != 2)
            throw new ArgumentException(
                $"Row '{row.Id}' has {row.Outputs.Count} candidates; an annotation compares two. {nameof(PreferencePairs)} makes pairs "
                + $"from larger rows.", nameof(row));
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("instruction"u8, PromptText.Of(row, null));
        for (int k = 0; k < 2; k++)
        {
            writer.WriteString(k == 0 ? "output_1"u8 : "output_2"u8, row.Outputs[k]);
            if (k < row.Models.Count && row.Models[k] is { } model)
                writer.WriteString(k == 0 ? "generator_1"u8 : "generator_2"u8, model);
        }

        bool exact = row.Scores.Count == 0 || row.Scores.All(x => x is null);
        if (row.Scores.Count == 2 && row.Scores[0] is { } first && row.Scores[1] is { } second)
        {
            // Scores that are the two probabilities come back exactly; others say only who is better.
            bool probabilities = first >= 0 && second >= 0 && Math.Abs(first + second - 1) < 1e-9;
            exact = probabilities;
            writer.WriteNumber("preference"u8, probabilities ? 1 + second : first > second ? 1 : first < second ? 2 : 1.5);
        }
        else
        {
            writer.WriteNull("preference"u8);
        }

        RowRest.Write(writer, row, Names, score: !exact, models: false);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        string instruction = RowFields.Text(RowFields.Required(row, "instruction", context), "instruction", context);
        string first = RowFields.Text(RowFields.Required(row, "output_1", context), "output_1", context);
        string second = RowFields.Text(RowFields.Required(row, "output_2", context), "output_2", context);
        string? model1 = RowFields.OptionalText(row, "generator_1", context), model2 = RowFields.OptionalText(row, "generator_2", context);
        double? preference = row.TryGetProperty("preference", out JsonElement value)
            ? RowFields.Number(value, "preference", context) : null;
        if (preference is { } p && p != 0 && p is < 1 or > 2)
            throw context.Error($"{p} is not a preference; it is 1 to 2, 0 for a tie, or null.", "preference");
        preference = preference == 0 ? 1.5 : preference;
        return RowRest.Read(new()
        {
            Id = "",
            Instruction = instruction,
            Outputs = [first, second],
            Scores = [2 - preference, preference - 1],
            Models = model1 is null && model2 is null ? [] : [model1, model2],
        }, row, Names, Own);
    }
}
