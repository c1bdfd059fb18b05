using System.Text.Json;

namespace Tuna.Tokenizers.Jinja;

/// <summary>JSON as values of a template.</summary>
internal static class JsonValues
{
    public static object? Of(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var dictionary = new DictValue();
                foreach (JsonProperty property in json.EnumerateObject())
                    dictionary[property.Name] = Of(property.Value);
                return dictionary;
            case JsonValueKind.Array:
                return new ListValue([.. json.EnumerateArray().Select(Of)]);
            case JsonValueKind.String:
                return json.GetString();
            case JsonValueKind.Number:
                return json.TryGetInt64(out long whole) && !json.GetRawText().AsSpan().ContainsAny('.', 'e', 'E')
                    ? (object)whole : json.GetDouble();
            case JsonValueKind.True or JsonValueKind.False:
                return json.GetBoolean();
            default:
                return null;
        }
    }
}
