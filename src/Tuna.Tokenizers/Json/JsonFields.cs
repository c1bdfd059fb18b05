using System.Text.Json;

namespace Tuna.Tokenizers.Json;

/// <summary>The fields of one JSON object, every one of which has to be read: what nobody asks for is refused by name.</summary>
/// <remarks>A setting that is skipped changes ids without a word; that is why <see cref="Done"/> ends the reading of each
/// component.</remarks>
internal sealed class JsonFields
{
    private readonly Dictionary<string, JsonElement> _fields = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unread = new(StringComparer.Ordinal);

    /// <param name="element">The object.</param>
    /// <param name="where">File and place, for messages: <c>'tokenizer.json': pre_tokenizer</c>.</param>
    public JsonFields(JsonElement element, string where)
    {
        Where = where;
        if (element.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"{where} should be an object and is {Kind(element)}.");
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (!_fields.TryAdd(property.Name, property.Value))
                throw new InvalidDataException($"{where}: '{property.Name}' is given twice.");
            _unread.Add(property.Name);
        }
    }

    public string Where { get; }

    /// <summary>The value of a field that is there and is not null.</summary>
    public bool TryGet(string name, out JsonElement value)
    {
        _unread.Remove(name);
        return _fields.TryGetValue(name, out value) && value.ValueKind != JsonValueKind.Null;
    }

    public JsonElement Required(string name) =>
        TryGet(name, out JsonElement value) ? value : throw new InvalidDataException($"{Where}: '{name}' is missing.");

    public string Text(string name) => String(Required(name), name);

    public string? TextOrNull(string name) => TryGet(name, out JsonElement value) ? String(value, name) : null;

    public bool Flag(string name, bool otherwise) => FlagOrNull(name) ?? otherwise;

    public bool? FlagOrNull(string name)
    {
        if (!TryGet(name, out JsonElement value))
            return null;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new InvalidDataException($"{Where}: '{name}' should be true or false and is {Kind(value)}."),
        };
    }

    public int Number(string name, int least) => Integer(Required(name), $"{Where}: '{name}'", least);

    /// <summary>A string of exactly one character (code point).</summary>
    public string Character(string name)
    {
        string text = Text(name);
        int runes = text.EnumerateRunes().Count();
        return runes == 1 ? text : throw new InvalidDataException($"{Where}: '{name}' should be one character and has {runes}.");
    }

    public List<JsonElement> Items(string name)
    {
        JsonElement value = Required(name);
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray()]
            : throw new InvalidDataException($"{Where}: '{name}' should be a list and is {Kind(value)}.");
    }

    /// <summary>Fields that change no id and no text.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            _unread.Remove(name);
    }

    /// <summary>Refuses what was not read.</summary>
    public void Done()
    {
        if (_unread.Count > 0)
        {
            string names = string.Join(", ", _unread.Order(StringComparer.Ordinal).Take(5).Select(n => $"'{n}'"));
            throw new NotSupportedException(
                $"{Where}: the setting {names} is not known to this version and would be ignored; nothing is ignored here, so the file is "
                    + $"refused.");
        }
    }

    public NotSupportedException Unsupported(string what) => new($"{Where}: {what}");

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public static int Integer(JsonElement value, string where, int least)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int number) || number < least)
            throw new InvalidDataException($"{where} should be a whole number of at least {least} and is {Short(value)}.");
        return number;
    }

    private string String(JsonElement value, string name) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw new InvalidDataException($"{Where}: '{name}' should be text and is {Kind(value)}.");

    private static string Short(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "...";
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
