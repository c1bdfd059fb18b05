using Microsoft.Extensions.AI;
using Quickstart.Exercises;
using Tuna.Chat;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;

namespace Quickstart;

/// <summary>The judge: the real API when OPENAI_API_KEY is set, the scripted offline one otherwise.</summary>
internal static class Judges
{
    public static string Name => ApiKey is null ? "the scripted offline judge (set OPENAI_API_KEY for a real one)" : $"{Model} through the OpenAI API";

    private static string? ApiKey => Variable("OPENAI_API_KEY");

    private static string Model => Variable("OPENAI_MODEL") ?? "gpt-4o";

    /// <param name="key">Answers for the offline judge.</param>
    /// <param name="journal">Where calls to the real one are kept, so that none is paid twice.</param>
    public static IChatClient Create(IReadOnlyList<Exercise> key, CallJournal journal)
    {
        if (ApiKey is not { } apiKey)
            return new OfflineJudge(key);
        Uri? endpoint = Variable("OPENAI_BASE_URL") is { } url ? new Uri(url) : null;
        var client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = endpoint ?? HttpChatOptions.OpenAI, Model = Model, ApiKey = apiKey });
        return client.AsBuilder().UseCallPipeline(new CallPipelineOptions { Journal = journal }).Build();
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
