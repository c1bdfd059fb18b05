using System.Globalization;
using System.Text.Json;
using Tuna.Chat.Errors;
using Tuna.Text;

namespace Tuna.Chat.Http;

/// <summary>Reads what a service says when it refuses, in the forms of OpenAI, Azure, vLLM, Ollama, OpenRouter, Together, llama.cpp, LM
/// Studio, Anthropic and FastAPI.</summary>
internal static class OpenAIError
{
    private const int LongestMessage = 500;

    /// <summary>The error of an answer whose status says so.</summary>
    public static ChatServiceException Read(int status, string body, TimeSpan? retryAfter)
    {
        (string? code, string? message, _) = (null, null, 0);
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            (code, message, _) = Describe(document.RootElement);
        }
        catch (JsonException)
        {
            // An error page of a proxy: its status says enough.
        }

        return new ChatServiceException(message ?? $"The service answered {status}.", new ServiceError(status, code, retryAfter));
    }

    /// <summary>The error inside an answer whose status says success; null when there is none.</summary>
    public static ChatServiceException? Within(JsonElement answer)
    {
        bool isError = answer.Member("error").ValueKind is JsonValueKind.Object or JsonValueKind.String
            || answer.Text("object", "type") == "error"
            || (answer.Member("detail").ValueKind != JsonValueKind.Undefined
                && answer.Member("choices").ValueKind == JsonValueKind.Undefined)
            || answer.Text("finish_reason") == "error";
        if (!isError)
            return null;
        (string? code, string? message, int status) = Describe(answer);
        return new ChatServiceException(message ?? "The service answered with an error that says nothing.", new ServiceError(status, code));
    }

    private static (string? Code, string? Message, int Status) Describe(JsonElement root)
    {
        if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() > 0)
            root = root[0];
        JsonElement error = root.Member("error");
        if (error.ValueKind == JsonValueKind.Undefined)
            error = root.Member("errors").Items().FirstOrDefault(root);
        if (error.ValueKind == JsonValueKind.String)
            return (Code(root, root, error.AsText()), ForeignText.Shorten(error.AsText(), LongestMessage), Status(root, root));
        string? message = error.Text("message", "detail") ?? error.Member("message").Text("detail", "message")
            ?? root.Text("message", "detail") ?? Validation(root);
        if (error.Member("metadata").Text("raw") is { } raw)
            message = $"{message} ({raw})"; // OpenRouter: what the provider behind it said
        return (Code(error, root, message), message is null ? null : ForeignText.Shorten(message, LongestMessage), Status(error, root));
    }

    private static string? Code(JsonElement error, JsonElement root, string? message)
    {
        string? code = error.Text("code") ?? error.Member("innererror").Text("code") ?? error.Text("type")
            ?? root.Text("error_type", "code");
        if (code is not null && int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            code = error.Text("type");
        // Servers of one's own call it a bad request; the words are the same everywhere.
        bool tooLong = message is not null
            && (message.Contains("context length", StringComparison.OrdinalIgnoreCase)
                || message.Contains("context size", StringComparison.OrdinalIgnoreCase)
                || message.Contains("context window", StringComparison.OrdinalIgnoreCase));
        return tooLong ? "context_length_exceeded" : code is "ResponsibleAIPolicyViolation" ? "content_filter" : code;
    }

    // 0 stands for no status: an error in an answer that came with success and says no more is repeated, as a fault of the service.
    private static int Status(JsonElement error, JsonElement root)
    {
        foreach (JsonElement value in (JsonElement[])[error.Member("status"), error.Member("code"), error.Member("status_code"),
            root.Member("status"), root.Member("code"), root.Member("status_code")])
        {
            if (value.AsNumber() is >= 400 and <= 599 and var status)
                return (int)status;
        }

        return (error.Text("type") ?? root.Text("error_type")) switch
        {
            "rate_limit_error" or "rate_limit_exceeded" or "too_many_requests" => 429,
            "authentication_error" => 401,
            "permission_error" => 403,
            "not_found_error" => 404,
            "invalid_request_error" or "BadRequestError" => 400,
            _ => 500,
        };
    }

    // FastAPI: {"detail": [{"loc": [...], "msg": "..."}]}
    private static string? Validation(JsonElement root)
    {
        string joined = string.Join("; ", root.Member("detail").Items().Select(d => d.Text("msg")).OfType<string>());
        return joined.Length > 0 ? joined : null;
    }
}
