using System.Runtime.ExceptionServices;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;

namespace Tuna.Chat.Journaling;

/// <summary>Answers from the journal what was asked before, and writes down every new answer before anyone sees it, whether it was
/// understood or not.</summary>
internal sealed class JournalingChatClient : CallDecorator
{
    private readonly CallJournal _journal;
    private readonly ChatClientMetadata? _service;

    /// <summary>Creates the client.</summary>
    /// <param name="inner">The client that is asked what the journal does not know.</param>
    /// <param name="journal">The journal.</param>
    public JournalingChatClient(IChatClient inner, CallJournal journal)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(journal);
        _journal = journal;
        _service = inner.GetService(typeof(ChatClientMetadata)) as ChatClientMetadata;
    }

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        IReadOnlyList<ChatMessage> kept = [.. messages];
        string key = CallKey.Of(kept, options, _service);
        if (_journal.Find(key) is null && Earlier(kept, options) is { } old)
            return Replay(old);
        ChatResponse? fresh = null;
        ExceptionDispatchInfo? notUnderstood = null;
        (JournaledCall call, bool found) =
            await _journal.GetOrAddAsync(key, stored => IsUsable(stored, options), AskAsync, cancellationToken).ConfigureAwait(false);
        if (found)
            return Replay(call);
        notUnderstood?.Throw();
        return fresh ?? Replay(call);

        async Task<JournaledCall> AskAsync()
        {
            try
            {
                fresh = await base.GetResponseAsync(kept, options, cancellationToken).ConfigureAwait(false);
                return Describe(key, options, fresh);
            }
            catch (Exception e) when (ChatServiceException.Find(e) is { Answer: not null } answered)
            {
                notUnderstood = ExceptionDispatchInfo.Capture(e);
                return Describe(key, options, answered);
            }
        }
    }

    // A reply that was cut off is no answer under another limit of its length.
    private static bool IsUsable(JournaledCall stored, ChatOptions? options) =>
        stored.Finish != ChatFinishReason.Length.Value || stored.MaxOutputTokens == options?.MaxOutputTokens;

    // Journals of earlier versions say nothing of the service.
    private JournaledCall? Earlier(IReadOnlyList<ChatMessage> messages, ChatOptions? options) =>
        _journal.Find(CallKey.WithoutService(messages, options, _service)) is { Endpoint: null } old && IsUsable(old, options) ? old : null;

    private JournaledCall Describe(string key, ChatOptions? options, ChatResponse response)
    {
        CallUsage usage = CallUsage.Of(response);
        return Question(key, options, response.Text) with
        {
            ReplyModel = response.ModelId,
            Finish = response.FinishReason?.Value,
            LogProb = ReplyLogProb.Of(response)?.Sum,
            TokenCount = ReplyLogProb.Of(response)?.Tokens,
            InputTokens = usage.InputTokens,
            OutputTokens = usage.OutputTokens,
            UsageEstimated = usage.Estimated ? true : null,
        };
    }

    private JournaledCall Describe(string key, ChatOptions? options, ChatServiceException answered) =>
        Question(key, options, answered.Answer!) with
    {
        Finish = answered.Error.Code,
        InputTokens = answered.Usage.InputTokens,
        OutputTokens = answered.Usage.OutputTokens,
        UsageEstimated = answered.Usage.Estimated ? true : null,
    };

    private JournaledCall Question(string key, ChatOptions? options, string reply) => new()
    {
        Key = key,
        Reply = reply,
        Row = (options as CallOptions)?.RowId,
        PromptVersion = (options as CallOptions)?.PromptVersion,
        Order = (options as CallOptions)?.PresentedOrder,
        Endpoint = CallKey.Endpoint(_service) ?? "",
        Model = options?.ModelId ?? _service?.DefaultModelId,
        Temperature = options?.Temperature,
        MaxOutputTokens = options?.MaxOutputTokens,
    };

    private static ChatResponse Replay(JournaledCall call)
    {
        ChatMetrics.Replayed.Add(1);
        ChatResponse response = call.Finish is ServiceError.NotUnderstood or ServiceError.TooLarge ? ReadAgain(call) : Rebuild(call);
        CallUsage.None.AttachTo(response); // paid for in an earlier run
        return response;
    }

    private static ChatResponse Rebuild(JournaledCall call)
    {
        var response = new ChatResponse(new ChatMessage(ChatRole.Assistant, call.Reply))
        {
            ModelId = call.ReplyModel,
            FinishReason = call.Finish is { Length: > 0 } finish ? new ChatFinishReason(finish) : null,
            Usage = new UsageDetails
            {
                InputTokenCount = call.InputTokens,
                OutputTokenCount = call.OutputTokens,
                TotalTokenCount = call.InputTokens + call.OutputTokens,
            },
        };
        if (call is { LogProb: { } logProb, TokenCount: { } tokens })
            new ReplyLogProb(logProb, tokens).AttachTo(response);
        return response;
    }

    // A reader that has learnt more may understand now what an earlier one did not.
    private static ChatResponse ReadAgain(JournaledCall call) =>
        call.Finish == ServiceError.NotUnderstood
            ? OpenAIAnswer.Read(call.Reply)
            : throw ChatServiceException.TooLarge("The journal says so; it is not asked again.");
}
