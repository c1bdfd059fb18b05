using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Http;

/// <summary>Reads answers of the OpenAI protocol in the dialects that real servers speak.</summary>
/// <remarks>
/// Lenient in everything but the reply itself: an unknown or missing finish reason, missing usage or unreadable log-probabilities never
/// cost a reply that was paid for.
/// </remarks>
internal static class OpenAIAnswer
{
    /// <summary>Reads the body of an answer that came with success.</summary>
    /// <exception cref="ChatServiceException">It is an error, no JSON, or JSON of no known form; the last carries the answer, for a
    /// journal.</exception>
    public static ChatResponse Read(string body)
    {
        return EventStream.Join(body) ?? ReadWhole(body);
    }

    /// <summary>Reads an answer, or a part of one, that is one piece of JSON.</summary>
    /// <exception cref="ChatServiceException">As for <see cref="Read(string)"/>.</exception>
    internal static ChatResponse ReadWhole(string body)
    {
        JsonDocument document;
        try
        {
            document = LenientJson.Parse(body);
        }
        catch (JsonException e)
        {
            ReadOnlySpan<char> text = body.AsSpan().Trim();
            // What has a beginning and an end is an answer that was paid for: a journal keeps it, and it is not asked again.
            bool whole = text.Length > 1 && text[0] is '{' or '[' && text[^1] is '}' or ']';
            throw new ChatServiceException(text.IsEmpty ? "The service's answer is empty." : "The service's answer is not JSON.",
                new ServiceError(200, whole ? ServiceError.NotUnderstood : null), e) { Answer = whole ? body : null };
        }

        using (document)
            return Read(document.RootElement, body);
    }

    private static ChatResponse Read(JsonElement root, string body)
    {
        // Some gateways put the one answer into an array.
        if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() == 1)
            root = root[0];
        JsonElement choices = root.Member("choices");
        JsonElement choice = choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() > 0 ? choices[0] : root;
        string? text = ReplyText.Of(choice);
        if (string.IsNullOrEmpty(text) && (OpenAIError.Within(choice) ?? OpenAIError.Within(root)) is { } error)
            throw error;
        if (text is null && choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() == 0)
            return Describe(new ChatResponse(), root);
        if (text is null)
        {
            throw new ChatServiceException(
                "The service's answer has none of the known forms. A journal keeps it, so that it is not asked and paid again.",
                    new ServiceError(200, ServiceError.NotUnderstood)) { Answer = body };
        }

        ChatResponse response = Describe(new ChatResponse(new ChatMessage(ChatRole.Assistant, text)), root);
        response.FinishReason = Finish(choice);
        if (TokenLogProbs.Of(choice) is { } logProbs)
            ReplyLogProb.FromTokens(logProbs).AttachTo(response);
        return response;
    }

    private static ChatResponse Describe(ChatResponse response, JsonElement root)
    {
        response.ModelId = root.Text("model") ?? root.Member("message").Text("model");
        response.ResponseId = root.Text("id");
        JsonElement usage = root.Member("usage");
        if (usage.ValueKind == JsonValueKind.Undefined)
            usage = root.Member("message").Member("usage"); // the first event of the Messages protocol
        // OpenAI and most; the Responses and Messages protocols; Ollama's own; llama.cpp's own.
        long input = usage.Count("prompt_tokens", "input_tokens") ?? root.Count("prompt_eval_count", "tokens_evaluated") ?? 0;
        long output = usage.Count("completion_tokens", "output_tokens") ?? root.Count("eval_count", "tokens_predicted") ?? 0;
        if (usage.Count("total_tokens") is { } total && input + output == 0)
            input = total;
        response.Usage = new UsageDetails { InputTokenCount = input, OutputTokenCount = output, TotalTokenCount = input + output };
        return response;
    }

    private static ChatFinishReason? Finish(JsonElement choice)
    {
        if (choice.Member("message").Text("refusal") is { Length: > 0 })
            return ChatFinishReason.ContentFilter;
        string? reason = choice.Text("finish_reason", "stop_reason", "done_reason", "stop_type", "status")
            ?? choice.Member("delta").Text("stop_reason");
        return reason?.ToLowerInvariant() switch
        {
            null or "" => null,
            "stop" or "eos" or "eos_token" or "end_turn" or "stop_sequence" or "stop_token" or "end_of_text" or "word" or "complete"
                or "completed" or "done" or "finish" or "finished" or "normal" => ChatFinishReason.Stop,
            "length" or "limit" or "max_tokens" or "max_length" or "max_output_tokens" or "model_length" or "incomplete" =>
                ChatFinishReason.Length,
            "content_filter" or "content_filtered" or "refusal" or "safety" or "sensitive" => ChatFinishReason.ContentFilter,
            _ => new ChatFinishReason(reason), // the service's own word; it costs nothing not to know it
        };
    }
}

/// <summary>Finds the reply's text.</summary>
internal static class ReplyText
{
    /// <summary>The text of a choice, or of a whole answer that has no choices; null when it has none of the known forms.</summary>
    public static string? Of(JsonElement choice)
    {
        JsonElement message = choice.Member("message");
        if (message.ValueKind == JsonValueKind.Undefined)
            message = choice.Member("delta"); // of servers that call a whole reply a part
        if (message.ValueKind == JsonValueKind.Object)
            return Content(message) ?? message.Text("text") ?? ""; // thinking alone, a refusal or a tool call: answered, without text
        if (message.ValueKind == JsonValueKind.String)
            return message.AsText();
        if (choice.Member("output") is { ValueKind: JsonValueKind.Array } output) // the Responses protocol
            return string.Concat(output.EnumerateArray().Select(item => Content(item)));
        return Content(choice) ?? choice.Text("text", "response", "generated_text", "output_text", "output", "completion");
    }

    // A string, or parts of which only those of text count; a part that holds the model's thinking is no reply.
    private static string? Content(JsonElement owner)
    {
        JsonElement content = owner.Member("content");
        return content.ValueKind switch
        {
            JsonValueKind.String => content.AsText(),
            JsonValueKind.Array => Parts(content),
            JsonValueKind.Object => content.Text("text"),
            _ => null,
        };
    }

    private static string Parts(JsonElement parts)
    {
        var text = new StringBuilder();
        foreach (JsonElement part in parts.EnumerateArray())
        {
            if (part.ValueKind == JsonValueKind.String)
                text.Append(part.AsText());
            else if (part.Text("type") is null or "text" or "output_text")
                text.Append(part.Text("text", "content"));
        }

        return text.ToString();
    }
}

/// <summary>Finds the log-probabilities of a reply's tokens.</summary>
internal static class TokenLogProbs
{
    /// <summary>
    /// Chat: <c>logprobs.content[].logprob</c> (llama.cpp also for text). Text: <c>logprobs.token_logprobs[]</c>. llama.cpp's own:
    /// <c>completion_probabilities[].logprob</c>. Null when one is missing:
    /// a sum over some of the tokens would pass for the whole.
    /// </summary>
    public static List<double>? Of(JsonElement choice)
    {
        JsonElement logProbs = choice.Member("logprobs");
        IEnumerable<JsonElement> values = choice.Member("completion_probabilities").Items().Select(t => t.Member("logprob"));
        if (logProbs.Member("content").ValueKind == JsonValueKind.Array)
            values = logProbs.Member("content").Items().Select(t => t.Member("logprob"));
        else if (logProbs.Member("token_logprobs").ValueKind == JsonValueKind.Array)
            values = logProbs.Member("token_logprobs").Items();
        var numbers = new List<double>();
        foreach (JsonElement value in values)
        {
            if (value.ValueKind != JsonValueKind.Number || value.AsNumber() is not { } number)
                return null;
            numbers.Add(number);
        }

        return numbers.Count > 0 ? numbers : null;
    }
}
