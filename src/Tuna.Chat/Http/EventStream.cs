using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Http;

/// <summary>Answers that come in parts although nobody asked for a stream, as server-sent events or as an object a line: the parts are
/// joined into the one answer.</summary>
internal static class EventStream
{
    private const string Data = "data:";

    /// <summary>The answer of a stream; null when the body is none.</summary>
    /// <exception cref="ChatServiceException">The stream holds an error, breaks off before its end, or says nothing that is
    /// understood.</exception>
    public static ChatResponse? Join(string body)
    {
        if (Parts(body) is not { } parts)
            return null;
        var text = new StringBuilder();
        ChatResponse? last = null;
        string? model = null;
        ChatFinishReason? finish = null;
        long input = 0, output = 0;
        bool ended = false, passedOver = false;
        foreach (string part in parts)
        {
            if (part == "[DONE]")
            {
                ended = true;
                continue;
            }

            if (ReadPart(part) is not { } read)
            {
                passedOver = true; // a sign of life, or an event that says nothing of the text
                continue;
            }

            last = read;
            text.Append(read.Text);
            model ??= read.ModelId;
            finish = read.FinishReason ?? finish;
            // Counts are of all so far, or stand in the last part.
            (input, output) = (Math.Max(input, read.Usage?.InputTokenCount ?? 0), Math.Max(output, read.Usage?.OutputTokenCount ?? 0));
        }

        if (!ended && finish is null && (last is not null || !passedOver))
            throw new ChatServiceException("The service's answer is a stream that breaks off.", new ServiceError(200));
        if (last is null || (passedOver && text.Length == 0))
        {
            throw new ChatServiceException(
                "The service's answer is a stream of no known form. A journal keeps it, so that it is not asked and paid "
                + "again.", new ServiceError(200, ServiceError.NotUnderstood)) { Answer = body };
        }

        return new ChatResponse(new ChatMessage(ChatRole.Assistant, text.ToString()))
        {
            ModelId = model,
            ResponseId = last.ResponseId,
            FinishReason = finish,
            Usage = new() { InputTokenCount = input, OutputTokenCount = output, TotalTokenCount = input + output },
        };
    }

    private static List<string>? Parts(string body)
    {
        string[] lines = [.. body.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
        bool events = lines.Length > 0
            && (lines[0].StartsWith(Data, StringComparison.Ordinal) || lines[0].StartsWith("event:", StringComparison.Ordinal)
                || lines[0][0] == ':');
        if (events)
            return [.. lines.Where(line => line.StartsWith(Data, StringComparison.Ordinal)).Select(line => line[Data.Length..].Trim())
                .Where(part => part.Length > 0)];
        return lines.Length > 1 && lines.All(line => line[0] == '{' && line[^1] == '}') ? [.. lines] : null;
    }

    // Null for a part that is not understood.
    private static ChatResponse? ReadPart(string part)
    {
        try
        {
            return OpenAIAnswer.ReadWhole(part);
        }
        catch (ChatServiceException e) when (e.Answer is not null)
        {
            return null;
        }
    }
}
