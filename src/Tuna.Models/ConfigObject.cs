using System.Text.Json;
using Tuna.Text;

namespace Tuna.Models;

/// <summary>Typed access to a JSON object's keys, with errors that name file and key. JSON null counts as absent.</summary>
internal readonly struct ConfigObject
{
    private readonly JsonElement _element;
    private readonly string _source;
    private readonly string _prefix;

    public ConfigObject(JsonElement element, string source, string prefix)
    {
        _element = element;
        _source = source;
        _prefix = prefix;
        if (element.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException(
                $"{source}: {(prefix.Length == 0 ? "the content" : $"'{prefix.TrimEnd('.')}'")} is not a JSON object.");
    }

    public InvalidDataException Bad(string key, string what) => new($"{_source}: '{_prefix}{key}' {what}.");

    public bool Has(string key) => _element.TryGetProperty(key, out _);

    /// <summary>Names of all keys that are not null.</summary>
    public IEnumerable<string> Keys()
    {
        foreach (JsonProperty property in _element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Null)
                yield return property.Name;
        }
    }

    public bool IsSameAs(ConfigObject other) => JsonElement.DeepEquals(_element, other._element);

    public string? Text(string key) => Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.String
            ? value.GetString() : throw Bad(key, $"is {ForeignText.Shorten(value.GetRawText())}, not text");

    public bool? Boolean(string key) => Find(key) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean() : throw Bad(key, $"is {ForeignText.Shorten(value.GetRawText())}, not true or false");

    public double? Number(string key) => Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)
            ? number : throw Bad(key, $"is {ForeignText.Shorten(value.GetRawText())}, not a number");

    public int? Integer(string key) => Find(key) is { } value ? AsInteger(key, value) : null;

    public double RequiredNumber(string key) => Number(key) ?? throw Bad(key, "is missing");

    public int RequiredInteger(string key) => Integer(key) ?? throw Bad(key, "is missing");

    public ConfigObject? Object(string key) => Find(key) is { } value ? new ConfigObject(value, _source, $"{_prefix}{key}.") : null;

    /// <summary>An integer or an array of integers; empty when absent.</summary>
    public int[] Integers(string key)
    {
        if (Find(key) is not { } value)
            return [];
        if (value.ValueKind != JsonValueKind.Array)
            return [AsInteger(key, value)];
        var list = new List<int>();
        foreach (JsonElement item in value.EnumerateArray())
            list.Add(AsInteger(key, item));
        return [.. list];
    }

    /// <summary>An array of texts; empty when absent.</summary>
    public string[] Texts(string key)
    {
        if (Find(key) is not { } value)
            return [];
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
            throw Bad(key, $"is {ForeignText.Shorten(value.GetRawText())}, not an array of texts");
        return [.. value.EnumerateArray().Select(item => item.GetString()!)];
    }

    private int AsInteger(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number : throw Bad(key, $"is {ForeignText.Shorten(value.GetRawText())}, not a 32-bit integer");

    private JsonElement? Find(string key) =>
        _element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
