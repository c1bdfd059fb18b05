using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>The fields of a file's first row, by which its form is told.</summary>
internal sealed class FormFields
{
    // The words that data sets use, for near misses.
    private static readonly string[] Known =
    [
        "instruction", "input", "output", "score", "prompt", "question", "query", "response", "responses", "scores", "completion",
            "completions", "answer", "answers", "chosen", "rejected",
        "messages", "conversations", "instances", "context", "reference", "model", "logprob", "tokens", "order", "output_1", "output_2",
            "preference", "orig", "text", "instruct", "generation", "rank",
    ];

    private readonly Dictionary<string, JsonElement> _fields = new(StringComparer.Ordinal);

    private FormFields(JsonElement row)
    {
        foreach (JsonProperty field in row.EnumerateObject())
            _fields[field.Name] = field.Value.Clone();
    }

    /// <summary>Whether a name is one that data sets use.</summary>
    public static bool IsKnown(string name) => Known.Contains(name);

    /// <summary>The names, in the row's order.</summary>
    public string Names => string.Join(", ", _fields.Keys);

    /// <summary>The fields of a row.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static FormFields Of(ReadOnlySpan<byte> row, RowContext context)
    {
        RowNames.Check(row, context);
        var reader = new Utf8JsonReader(row);
        reader.Read();
        context.Expect(reader, JsonTokenType.StartObject);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        return new(document.RootElement);
    }

    /// <summary>Whether a field is there, and not null.</summary>
    public bool Has(string name) => _fields.TryGetValue(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>Whether a field is there and of a type.</summary>
    public bool Has(string name, JsonValueKind kind) => _fields.TryGetValue(name, out JsonElement value) && value.ValueKind == kind;

    /// <summary>Whether all fields are there.</summary>
    public bool HasAll(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (!Has(name))
                return false;
        }

        return true;
    }

    /// <summary>Whether any of the fields is there.</summary>
    public bool HasAny(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (Has(name))
                return true;
        }

        return false;
    }

    /// <summary>Whether a field is a list whose items are objects with a field.</summary>
    public bool HasItems(string name, string item) =>
        _fields.TryGetValue(name, out JsonElement value) && value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(i => i.ValueKind == JsonValueKind.Object && i.TryGetProperty(item, out _));

    /// <summary>Whether a field is a list of chat messages.</summary>
    public bool HasConversation(string name) => _fields.TryGetValue(name, out JsonElement value) && ChatText.IsConversation(value);

    /// <summary>Whether a field is a list of instances of a task.</summary>
    public bool HasInstances => _fields.TryGetValue("instances", out JsonElement value) && AnsweredFormat.IsInstances(value);

    /// <summary>Whether the rows say of a single response whether it is wanted (KTO): as TRL writes it, and LLaMA-Factory. Taken for
    /// answers to learn, the unwanted ones would be learnt too.</summary>
    public bool IsUnpaired => HasAll("prompt", "completion", "label") || IsTruth("kto_tag")
        || (IsTruth("label") && (HasConversation("messages") || HasConversation("conversations")));

    /// <summary>A hint for each field whose name is nearly a known one: " Did you mean ...?", or nothing.</summary>
    public string Hint()
    {
        string[] hints = [.. _fields.Keys.Where(f => !Known.Contains(f)).Select(f => (f, Near: Known.FirstOrDefault(k => IsNear(f, k))))
            .Where(h => h.Near is not null).Select(h => $"'{h.Near}' for '{h.f}'")];
        return hints.Length == 0 ? "" : $" Did you mean {string.Join(", ", hints)}?";
    }

    private bool IsTruth(string name) => Has(name, JsonValueKind.True) || Has(name, JsonValueKind.False)
        || (_fields.TryGetValue(name, out JsonElement text) && text.ValueKind == JsonValueKind.String
            && text.ValueEquals("true"u8) | text.ValueEquals("false"u8) | text.ValueEquals("True"u8) | text.ValueEquals("False"u8)); // CSV

    // The same but for case, or one letter more, less or other.
    private static bool IsNear(string name, string known)
    {
        if (name.Equals(known, StringComparison.OrdinalIgnoreCase))
            return true;
        if (known.Length < 4 || Math.Abs(name.Length - known.Length) > 1)
            return false;
        int start = 0, end = 0, shorter = Math.Min(name.Length, known.Length);
        while (start < shorter && char.ToLowerInvariant(name[start]) == known[start])
            start++;
        while (end < shorter - start && char.ToLowerInvariant(name[^(end + 1)]) == known[^(end + 1)])
            end++;
        return Math.Max(name.Length, known.Length) - start - end <= 1
            // two letters exchanged
            || (name.Length == known.Length && name.Length - start - end == 2 && name[start] == known[start + 1]
                && name[start + 1] == known[start]);
    }
}
