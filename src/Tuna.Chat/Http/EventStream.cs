using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Http;

/// <summary>Answers that come as server-sent events although nobody asked for a stream: the parts are joined into the one answer.</summary>
internal static class EventStream
{
    private const string Data = "data:";

    /// <summary>The answer of a stream; null when the body is none.</summary>
    /// <exception cref="ChatServiceException">The stream holds an error, or breaks off before its end.</exception>
    public static ChatResponse? Join(string body)
    {
        ReadOnlySpan<char> start = body.AsSpan().TrimStart();
        if (!start.StartsWith(Data, StringComparison.Ordinal) && !start.StartsWith("event:", StringComparison.Ordinal)
            && !start.StartsWith(':'))
            return null;
        var text = new StringBuilder();
        ChatResponse? last = null;
        string? model = null;
        ChatFinishReason? finish = null;
        UsageDetails usage = new();
        bool ended = false;
        foreach (string line in body.Split('\n'))
        {
            if (!line.StartsWith(Data, StringComparison.Ordinal))
                continue;
            string part = line[Data.Length..].Trim();
            if (part == "[DONE]")
            {
                ended = true;
                continue;
            }

            if (part.Length == 0)
                continue;
            last = ReadPart(part, body);
            text.Append(last.Text);
            model ??= last.ModelId;
            finish = last.FinishReason ?? finish;
            usage = last.Usage is { TotalTokenCount: > 0 } counted ? counted : usage;
        }

        if (last is null || (!ended && finish is null))
            throw new ChatServiceException("The service's answer is a stream that breaks off.", new ServiceError(200));
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, text.ToString()))
        {
            ModelId = model,
            ResponseId = last.ResponseId,
            FinishReason = finish,
            Usage = usage,
        };
    }

    // A part that is not understood makes the whole answer one: a journal keeps all of it.
    private static ChatResponse ReadPart(string part, string body)
    {
        try
        {
            return OpenAIAnswer.Read(part);
        }
        catch (ChatServiceException e) when (e.Answer is not null)
        {
            throw new ChatServiceException(e.Message, e.Error, e) { Answer = body };
        }
    }
}
