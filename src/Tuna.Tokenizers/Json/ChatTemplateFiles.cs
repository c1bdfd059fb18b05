using System.Text.Json;
using Tuna.IO;

namespace Tuna.Tokenizers.Json;

/// <summary>Where a model folder keeps its chat template, and the special tokens that the template may name.</summary>
internal static class ChatTemplateFiles
{
    private const string Default = "default";

    public static (string? Template, Dictionary<string, string> Tokens) Read(string folder, string? name, IReadOnlyList<string> tokenNames)
    {
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        string? template = null;
        foreach (string file in (string[])["special_tokens_map.json", "tokenizer_config.json", "chat_template.json"])
        {
            string path = Path.Combine(folder, file);
            if (!File.Exists(path))
                continue;
            using JsonDocument document = Parse(path);
            foreach (string token in tokenNames)
            {
                if (Token(document.RootElement, token) is { } text)
                    tokens[token] = text;
            }

            if (document.RootElement.TryGetProperty("chat_template", out JsonElement value))
                template = Template(value, name, path) ?? template;
        }

        // A file of its own stands before the others, as in Transformers.
        string own = name is null or Default
            ? Path.Combine(folder, "chat_template.jinja") : Path.Combine(folder, "additional_chat_templates", name + ".jinja");
        if (name is not null && (name.AsSpan().ContainsAny('/', '\\') || name is "." or ".."))
            throw new ArgumentException($"'{name}' is no name of a chat template.", nameof(name));
        SpecialFile.Refuse(own);
        if (File.Exists(own))
            template = File.ReadAllText(own);
        if (template is null && name is not null)
            throw new InvalidDataException($"'{folder}' has no chat template named '{name}'.");
        return (template, tokens);
    }

    private static JsonDocument Parse(string path)
    {
        SpecialFile.Refuse(path);
        try
        {
            JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
            throw new InvalidDataException($"'{path}' should hold one object.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is damaged: {e.Message}", e);
        }
    }

    private static string? Token(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement value))
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement content))
            value = content;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    // One template, or a list of named ones.
    private static string? Template(JsonElement value, string? name, string path)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.String:
                return name is null or Default ? value.GetString() : null;
            case JsonValueKind.Array:
                foreach (JsonElement entry in value.EnumerateArray())
                {
                    if (entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("name", out JsonElement given)
                        && given.ValueEquals(name ?? Default)
                        && entry.TryGetProperty("template", out JsonElement template) && template.ValueKind == JsonValueKind.String)
                        return template.GetString();
                }

                return null;
            default:
                throw new InvalidDataException($"'{path}': chat_template should be text, or a list of named templates.");
        }
    }
}
