using System.Text;
using System.Text.Json;

namespace Tuna.Data.Formats;

/// <summary>Chat messages (<c>role</c>, <c>content</c>) as text.</summary>
internal static class ChatText
{
    /// <summary>The text of a field that is a string or a list of messages of which the last is the answer.</summary>
    public static string Response(JsonElement value, string key, RowContext context)
    {
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString()!;
        JsonElement[] messages = Messages(value, key, context);
        if (messages.Length == 0 || Role(messages[^1], key, context) != "assistant")
            throw context.Error("the last message is not the assistant's; it is the response.", key);
        return Content(messages[^1], key, context);
    }

    /// <summary>What leads up to the answer: one user message is its content; more become a transcript, each turn under its role.</summary>
    public static string Prompt(IReadOnlyList<JsonElement> messages, string key, RowContext context)
    {
        if (messages.Count == 0)
            throw context.Error("there is no message before the response.", key);
        if (messages.Count == 1 && Role(messages[0], key, context) == "user")
            return Content(messages[0], key, context);
        var text = new StringBuilder();
        foreach (JsonElement message in messages)
        {
            string role = Role(message, key, context);
            if (text.Length > 0)
                text.Append("\n\n");
            if (role != "system")
                text.Append(char.ToUpperInvariant(role[0])).Append(role.AsSpan(1)).Append(": ");
            text.Append(Content(message, key, context));
        }

        return text.ToString();
    }

    public static JsonElement[] Messages(JsonElement value, string key, RowContext context) => [.. RowFields.Array(value, key, context).EnumerateArray()];

    /// <summary>How many messages two conversations begin with in common.</summary>
    public static int CommonPrefix(JsonElement[] a, JsonElement[] b)
    {
        int n = 0;
        while (n < a.Length && n < b.Length && JsonElement.DeepEquals(a[n], b[n]))
            n++;
        return n;
    }

    private static string Role(JsonElement message, string key, RowContext context)
    {
        string role = message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out JsonElement r) && r.ValueKind == JsonValueKind.String ? r.GetString()! : "";
        return role.Length > 0 ? role : throw context.Error("a message has no role; a message is an object with role and content.", key);
    }

    private static string Content(JsonElement message, string key, RowContext context) =>
        message.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String
            ? content.GetString()!
            : throw context.Error("a message's content is not a string; only text is read.", key);
}
