using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Tuna.Evaluators.Tests;

/// <summary>A judge that replies as it is told and counts what it is asked.</summary>
internal sealed class FakeJudge(Func<IReadOnlyList<ChatMessage>, string> reply) : IChatClient
{
    private int _calls;

    public int Calls => _calls;

    public bool Disposed { get; private set; }

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _calls);
        return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, reply([.. messages])))
        {
            FinishReason = ChatFinishReason.Stop,
            Usage = new UsageDetails { InputTokenCount = 100, OutputTokenCount = 10 },
        });
    }

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose() => Disposed = true;
}

/// <summary>Somebody else's evaluator.</summary>
internal sealed class OwnEvaluator(Func<string, EvaluationMetric> measure, bool askJudge = false) : IEvaluator
{
    public IReadOnlyCollection<string> EvaluationMetricNames => ["Own"];

    public async ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null, IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        string text = modelResponse.Text;
        if (askJudge)
            text = (await chatConfiguration!.ChatClient.GetResponseAsync(text, cancellationToken: cancellationToken)).Text;
        return new EvaluationResult(measure(text));
    }
}
