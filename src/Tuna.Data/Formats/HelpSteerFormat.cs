using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The rows of HelpSteer and HelpSteer2 (Wang et al., arXiv 2311.09528 and 2406.08673): <c>prompt</c>, <c>response</c> and ratings
/// of it, one response a row. Read only.</summary>
/// <remarks>
/// Rows of one prompt that follow each other become one row of several candidates. The score is <c>helpfulness</c>; all ratings stay in
/// <c>aspects</c>, and what else differs from response to
/// response in <c>candidate_notes</c>.
/// </remarks>
internal sealed class HelpSteerFormat : JsonRowFormat
{
    /// <summary>The ratings, 0 to 4 each.</summary>
    internal static readonly string[] Ratings = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"];

    private static readonly FieldNames Names = new(["prompt", "response", .. Ratings]);
    private static readonly HashSet<string> Own = ["prompt", "response", .. Ratings];

    /// <summary>The shared instance (it has no state).</summary>
    public static HelpSteerFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row) =>
        throw new NotSupportedException("HelpSteer's rows are read, not written.");

    internal override RowJoin<RankedExample> StartJoin() => new Neighbours();

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        (string instruction, string? input) =
            PromptText.Split(RowFields.Text(RowFields.Required(row, "prompt", context), "prompt", context));
        string response = RowFields.Text(RowFields.Required(row, "response", context), "response", context);
        var ratings = Ratings.Where(name => row.TryGetProperty(name, out _))
            .Select(name => (name, Value: RowFields.Number(row.GetProperty(name), name, context))).ToArray();
        RankedExample read = RowRest.Read(
            new() { Id = "", Instruction = instruction, Input = input, Outputs = [response],
                Scores = [ratings.FirstOrDefault(r => r.name == "helpfulness").Value] }, row, Names, Own);
        string json = "{" + string.Join(",",
            ratings.Select(r => $"\"{r.name}\":[{r.Value?.ToString("R", System.Globalization.CultureInfo.InvariantCulture) ?? "null"}]"))
            + "}";
        return read with { Extra = FieldNames.Add(read.Extra, CandidateNotes.Aspects, json) };
    }

    private sealed class Neighbours : RowJoin<RankedExample>
    {
        private readonly List<RankedExample> _rows = [];

        public override IEnumerable<RankedExample> Add(RankedExample row)
        {
            RankedExample[] complete = _rows.Count == 0 || (_rows[0].Instruction == row.Instruction && _rows[0].Input == row.Input)
                ? [] : [.. End()];
            _rows.Add(row);
            return complete;
        }

        public override IEnumerable<RankedExample> End()
        {
            RankedExample[] joined = _rows.Count == 0 ? [] : [Joined(_rows)];
            _rows.Clear();
            return joined;
        }

        private static RankedExample Joined(List<RankedExample> rows)
        {
            if (rows.Count == 1)
                return rows[0];
            ExtraField[] shared = [.. rows[0].Extra.Where(f => f.Name != CandidateNotes.Aspects
                && rows.TrueForAll(r => r.Extra.Contains(f)))];
            IReadOnlyList<ExtraField>[] notes =
                [.. rows.Select(r => (IReadOnlyList<ExtraField>)[.. r.Extra.Where(f => f.Name != CandidateNotes.Aspects
                && !shared.Contains(f))])];
            ExtraField[] extra = CandidateNotes.Add(shared, notes);
            return rows[0] with
            {
                Outputs = [.. rows.Select(r => r.Outputs[0])],
                Scores = [.. rows.Select(r => r.Scores[0])],
                Extra = FieldNames.Add(extra, CandidateNotes.Aspects,
                    Together([.. rows.Select(r => r.Extra.Single(f => f.Name == CandidateNotes.Aspects).Json)])),
            };
        }

        private static string Together(string[] aspects)
        {
            JsonDocument[] documents = [.. aspects.Select(a => JsonDocument.Parse(a))];
            string[] names = [.. documents.SelectMany(d => d.RootElement.EnumerateObject().Select(f => f.Name)).Distinct()];
            return "{" + string.Join(",", names.Select(name => $"\"{name}\":[{string.Join(",", documents.Select(d => Of(d, name)))}]"))
                + "}";

            static string Of(JsonDocument aspects, string name) =>
                aspects.RootElement.TryGetProperty(name, out JsonElement value) ? value[0].GetRawText() : "null";
        }
    }
}
