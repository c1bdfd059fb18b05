using System.Globalization;
using System.Text;
using System.Text.Json;
using Tuna.Data.Prompts;

namespace Tuna.Data.Formats;

/// <summary>Chat messages as text: <c>role</c> and <c>content</c>, or ShareGPT's <c>from</c> and <c>value</c>.</summary>
internal static class ChatText
{
    /// <summary>Whether a value looks like a message.</summary>
    public static bool IsMessage(JsonElement value) => value.ValueKind == JsonValueKind.Object
        && ((value.TryGetProperty("role", out _) && value.TryGetProperty("content", out _))
            || (value.TryGetProperty("from", out _) && value.TryGetProperty("value", out _)));

    /// <summary>Whether a value looks like a conversation.</summary>
    public static bool IsConversation(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 && IsMessage(value[0]);

    public static JsonElement[] Messages(JsonElement value, string key, RowContext context) =>
        value.ValueKind == JsonValueKind.Object ? [value] : [.. RowFields.Array(value, key, context).EnumerateArray()];

    /// <summary>The text of a field that is a string, a message, or a list of messages of which the last is the answer.</summary>
    public static string Response(JsonElement value, string key, RowContext context)
    {
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString()!;
        JsonElement[] messages = Messages(value, key, context);
        ChatTurn last = messages.Length == 0 ? default : Turn(messages[^1], key, context);
        return last.Role == "assistant"
            ? last.Content : throw context.Error("the last message is not the assistant's; it is the response.", key);
    }

    /// <summary>A message's role, by its usual names, and its text.</summary>
    public static ChatTurn Turn(JsonElement message, string key, RowContext context)
    {
        string? role = Text(message, "role") ?? Text(message, "from");
        if (string.IsNullOrEmpty(role))
            throw context.Error("a message has no role; a message is an object with role and content, or from and value.", key);
        return new(role.ToLowerInvariant() switch
        {
            "human" or "user" or "prompter" => "user",
            "gpt" or "assistant" or "model" or "bot" or "chatgpt" or "bard" or "bing" => "assistant",
            "system" or "developer" => "system",
            _ => role,
        }, Content(message, key, context));
    }

    /// <summary>What leads up to an answer: one question is its text, with a system prompt above it; more turns become a transcript, each
    /// under its role.</summary>
    public static string Prompt(IReadOnlyList<ChatTurn> turns, string key, RowContext context)
    {
        if (turns.Count == 0)
            throw context.Error("there is no message before the response.", key);
        bool plain = turns.Count(t => t.Role != "system") == 1 && turns[^1].Role == "user";
        var text = new StringBuilder();
        foreach ((string role, string content) in turns)
        {
            if (role == "system" && content.Length == 0)
                continue;
            if (text.Length > 0)
                text.Append("\n\n");
            if (role != "system" && !plain)
                text.Append(char.ToUpperInvariant(role[0])).Append(role.AsSpan(1)).Append(": ");
            text.Append(content);
        }

        return text.ToString();
    }

    /// <summary>How many messages two conversations begin with in common.</summary>
    public static int CommonPrefix(JsonElement[] a, JsonElement[] b)
    {
        int n = 0;
        while (n < a.Length && n < b.Length && JsonElement.DeepEquals(a[n], b[n]))
            n++;
        return n;
    }

    /// <summary>Turns as JSON messages.</summary>
    public static string Json(IEnumerable<ChatTurn> turns)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, DataFile.WriterOptions))
            Write(json, turns);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static void Write(Utf8JsonWriter json, IEnumerable<ChatTurn> turns)
    {
        json.WriteStartArray();
        foreach ((string role, string content) in turns)
        {
            json.WriteStartObject();
            json.WriteString("role"u8, role);
            json.WriteString("content"u8, content);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string? Text(JsonElement message, string name) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string Content(JsonElement message, string key, RowContext context)
    {
        if (!message.TryGetProperty("content", out JsonElement content) && !message.TryGetProperty("value", out content))
            throw context.Error("a message has no content; a message is an object with role and content, or from and value.", key);
        if (content.ValueKind == JsonValueKind.String)
            return content.GetString()!;
        if (content.ValueKind != JsonValueKind.Array)
            throw context.Error($"a message's content is {RowFields.Name(content)}; only text is read.", key);
        var text = new StringBuilder();
        foreach (JsonElement part in content.EnumerateArray())
        {
            if (Text(part, "type") is { } type && type != "text")
                throw context.Error(string.Create(CultureInfo.InvariantCulture,
                    $"a message's content has a part of the type '{type}'; only text is read."), key);
            text.Append(Text(part, "text") ?? throw context.Error("a part of a message's content has no text; only text is read.", key));
        }

        return text.ToString();
    }
}
