using System.Text.Json;
using Tuna.Data;

namespace Tuna.Evaluation;

/// <summary>Rows that are JSON objects with an id under one of two names.</summary>
internal static class ObjectRows
{
    public static IReadOnlyList<T> Read<T>(string path, ICollection<string>? issues, string idKey, Func<ObjectRow, T> read)
    {
        Action<DataFormatException>? report = issues is null ? null : e => issues.Add(e.Message);
        return [.. DataFile.Read(path, new Format<T>(idKey, read), new DataReadOptions { OnInvalidRow = report }).Select(row => row.Value)];
    }

    private sealed record Row<T>(string Id, T Value);

    private sealed class Format<T>(string idKey, Func<ObjectRow, T> read) : RowFormat<Row<T>>
    {
        public override Row<T> Read(ref Utf8JsonReader reader, RowContext context)
        {
            context.CheckLine(); // a model's predictions may stand here as answers
            JsonElement element = JsonElement.ParseValue(ref reader);
            if (element.ValueKind != JsonValueKind.Object)
                throw context.Error($"expected an object, found {element.ValueKind}.");
            if (!element.TryGetProperty(idKey, out JsonElement id) && !element.TryGetProperty("id", out id))
                throw context.Error("the id is missing.", idKey);
            if (id.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
                throw context.Error("an id is a string or a number.", idKey);
            context.RowId = id.ToString();
            return new Row<T>(context.RowId, read(new ObjectRow(context.RowId, element, context)));
        }

        public override void Write(Utf8JsonWriter writer, Row<T> row) => throw new NotSupportedException("These rows are only read.");

        public override string IdOf(Row<T> row) => row.Id;
    }
}

/// <summary>One row while it is read.</summary>
internal readonly record struct ObjectRow(string Id, JsonElement Element, RowContext Context)
{
    public string String(string key) => Element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw Context.Error("a string is missing.", key);

    public string Turn() => Element.TryGetProperty("turns", out JsonElement turns) ? First(turns, "turns") : String("text");

    public string Answer()
    {
        if (Element.TryGetProperty("choices", out JsonElement choices))
        {
            return choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() > 0 && choices[0].ValueKind == JsonValueKind.Object
                && choices[0].TryGetProperty("turns", out JsonElement turns)
                ? First(turns, "choices")
                : throw Context.Error("expected choices[0].turns.", "choices");
        }

        return Element.TryGetProperty("prediction", out _) ? String("prediction") : String("text");
    }

    private string First(JsonElement turns, string key) =>
        turns.ValueKind == JsonValueKind.Array && turns.GetArrayLength() > 0 && turns[0].ValueKind == JsonValueKind.String
        ? turns[0].GetString()!
        : throw Context.Error("expected a list of strings.", key);
}
