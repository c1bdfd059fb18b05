using Microsoft.Extensions.AI;

namespace Tuna.Testing.Services;

/// <summary>A chat client whose reply is a function of the call; it keeps what it was asked.</summary>
internal sealed class ScriptedChatClient(Func<int, IReadOnlyList<ChatMessage>, ChatOptions?, ChatResponse> reply) : IChatClient
{
    private readonly Lock _lock = new();

    public ScriptedChatClient(params string[] replies)
        : this((i, _, _) => Reply(replies[Math.Min(i, replies.Length - 1)]))
    {
    }

    public List<(IReadOnlyList<ChatMessage> Messages, ChatOptions? Options)> Calls { get; } = [];

    public static ChatResponse Reply(string text, ChatFinishReason? finish = null, long input = 100, long output = 20) =>
        new(new ChatMessage(ChatRole.Assistant, text))
        {
            FinishReason = finish ?? ChatFinishReason.Stop,
            Usage = new UsageDetails { InputTokenCount = input, OutputTokenCount = output },
        };

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<ChatMessage> list = [.. messages];
        int index;
        lock (_lock)
        {
            index = Calls.Count;
            Calls.Add((list, options));
        }

        return Task.FromResult(reply(index, list, options));
    }

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
