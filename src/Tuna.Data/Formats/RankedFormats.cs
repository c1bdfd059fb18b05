using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The forms of ranked data by name, and the guess which one a file has.</summary>
public static class RankedFormats
{
    /// <summary>The forms: alpaca, alpacaeval, order, ranked, rrhf, trl, trl-chat (as trl, written as messages), tuna-c, tuna-p (the paper's published data), ultrafeedback.</summary>
    public static IReadOnlyDictionary<string, RowFormat<RankedExample>> ByName { get; } = new SortedDictionary<string, RowFormat<RankedExample>>(StringComparer.Ordinal)
    {
        ["alpaca"] = AlpacaFormat.Instance,
        ["alpacaeval"] = AlpacaEvalFormat.Instance,
        ["order"] = OrderListFormat.Instance,
        ["ranked"] = RankedFormat.Instance,
        ["rrhf"] = new RrhfFormat(),
        ["trl"] = new TrlPreferenceFormat(),
        ["trl-chat"] = new TrlPreferenceFormat(messages: true),
        ["tuna-c"] = TunaContextualFormat.Instance,
        ["tuna-p"] = TunaProbabilisticFormat.Instance,
        ["ultrafeedback"] = new UltraFeedbackFormat(),
    };

    /// <summary>The form of a file's rows, by the fields of its first row.</summary>
    /// <param name="path">The file.</param>
    /// <returns>A name in <see cref="ByName"/>.</returns>
    /// <exception cref="DataFormatException">The file is empty, or its first row has no known form.</exception>
    public static string Detect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Dictionary<string, JsonTokenType>? fields = DataFile.Read(path, FieldTypes.Instance).FirstOrDefault();
        if (fields is null)
            throw new DataFormatException("there is no row to tell the form by.", DataPlace.Whole(path));
        bool Has(string name, JsonTokenType? type = null) => fields.TryGetValue(name, out JsonTokenType found) && (type is null || found == type);
        return Has("chosen") && Has("rejected") ? "trl"
            : Has("completions", JsonTokenType.StartArray) ? "ultrafeedback"
            : Has("query") && Has("responses") ? "rrhf"
            : Has("orig", JsonTokenType.StartObject) && Has("text") && Has("logprob") ? "tuna-p"
            : Has("instruct") && Has("generation") && Has("rank") ? "tuna-c"
            : Has("output_1") && Has("output_2") ? "alpacaeval"
            : Has("output", JsonTokenType.StartArray) && Has("order", JsonTokenType.String) ? "order"
            : Has("output", JsonTokenType.StartArray) ? "ranked"
            : Has("instruction") && Has("output") ? "alpaca"
            : throw new DataFormatException($"the form of the rows is not known; the first has the fields {string.Join(", ", fields.Keys)}. Known forms: {string.Join(", ", ByName.Keys)}.", DataPlace.Whole(path));
    }

    private sealed class FieldTypes : RowFormat<Dictionary<string, JsonTokenType>>
    {
        public static readonly FieldTypes Instance = new();

        public override Dictionary<string, JsonTokenType> Read(ref Utf8JsonReader reader, RowContext context)
        {
            context.Expect(reader, JsonTokenType.StartObject);
            var fields = new Dictionary<string, JsonTokenType>(StringComparer.Ordinal);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = context.Shared(ref reader, "a field name");
                reader.Read();
                fields[name] = reader.TokenType;
                reader.Skip();
            }

            return fields;
        }

        public override void Write(Utf8JsonWriter writer, Dictionary<string, JsonTokenType> row) => throw new NotSupportedException();
    }
}
