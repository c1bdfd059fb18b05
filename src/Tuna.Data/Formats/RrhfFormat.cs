using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>The rows of RRHF (Yuan et al., arXiv 2304.05302): <c>query</c>, <c>responses[]</c>, <c>scores[]</c>.</summary>
/// <remarks>The query is the whole prompt. In Alpaca's form, which RRHF's own data uses, it becomes instruction and input; otherwise it is
/// the instruction.</remarks>
/// <param name="template">Makes the query when writing; Alpaca's when null.</param>
public sealed class RrhfFormat(IPromptTemplate? template = null) : JsonRowFormat
{
    private static readonly FieldNames Names =
        new(["query", "responses", "scores", "reference", "model", "logprob", "tokens", .. FieldNames.OfFormsBefore("rrhf")]);
    private static readonly HashSet<string> Own = ["query", "responses", "scores"];

    private readonly IPromptTemplate _template = template ?? AlpacaPromptTemplate.Instance;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(row);
        writer.WriteStartObject();
        RowJson.WriteId(writer, row.Id, row.IdIsNumber);
        writer.WriteString("query"u8, PromptText.Of(row, _template));
        RowJson.WriteStrings(writer, "responses"u8, row.Outputs);
        RowJson.WriteNumbers(writer, "scores"u8, row.Scores.Count > 0 ? row.Scores : new double?[row.Outputs.Count]);
        RowRest.Write(writer, row, Names);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    protected override RankedExample Read(JsonElement row, RowContext context)
    {
        (string instruction, string? input) = PromptText.Split(RowFields.Text(RowFields.Required(row, "query", context), "query", context));
        string[] responses = RowFields.Texts(RowFields.Required(row, "responses", context), "responses", context);
        double?[] scores = RowFields.Numbers(RowFields.Required(row, "scores", context), "scores", context);
        if (responses.Length == 0)
            throw context.Error("there are no responses; a row has at least one.", "responses");
        RowFields.Fits(scores.Length, responses.Length, "scores", context);
        return RowRest.Read(new() { Id = "", Instruction = instruction, Input = input, Outputs = responses, Scores = scores }, row, Names,
            Own);
    }
}
