using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Polly;
using Polly.Retry;
using Tuna.Chat.Errors;
using Tuna.Chat.Limits;
using Tuna.Numerics;

namespace Tuna.Chat.Resilience;

/// <summary>Repeats calls that may succeed later: exponential back-off with seeded jitter, Retry-After honoured.</summary>
/// <remarks>Throws <see cref="CallFailedException"/>, which says what the failure means. Turn off the retries of the client's own package,
/// or they multiply.</remarks>
internal sealed partial class ResilientChatClient : CallDecorator
{
    private readonly ResilienceOptions _options;
    private readonly ResiliencePipeline<ChatResponse> _pipeline;
    private readonly ILogger _logger;
    private readonly Rng _jitter;
    private readonly Lock _jitterLock = new();

    /// <summary>Creates the client.</summary>
    /// <param name="inner">The client whose calls are repeated.</param>
    /// <param name="options">Settings; read once, here.</param>
    /// <param name="timeProvider">The clock that waits; the system's when null.</param>
    /// <param name="logger">Receives each retry at Warning, without texts.</param>
    public ResilientChatClient(IChatClient inner, ResilienceOptions? options = null, TimeProvider? timeProvider = null,
        ILogger<ResilientChatClient>? logger = null)
        : base(inner)
    {
        _options = options ?? new ResilienceOptions();
        _options.Validate();
        _logger = logger ?? NullLogger<ResilientChatClient>.Instance;
        _jitter = new Rng(_options.Seed);
        var builder = new ResiliencePipelineBuilder<ChatResponse> { TimeProvider = timeProvider ?? TimeProvider.System };
        if (_options.MaxRetries > 0)
            builder.AddRetry(Retry());
        _pipeline = builder.Build();
    }

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        IReadOnlyList<ChatMessage> kept = [.. messages]; // a retry reads them again
        int attempts = 0;
        try
        {
            ChatResponse response = await _pipeline.ExecuteAsync(
                async token =>
                {
                    attempts++;
                    return await base.GetResponseAsync(kept, options, token).ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false);
            return _options.Classifier.Classify(response) is { } decision ? throw new CallFailedException(decision, attempts) : response;
        }
        catch (Exception e) when (e is not (BudgetExhaustedException or CallFailedException) && !cancellationToken.IsCancellationRequested)
        {
            throw new CallFailedException(_options.Classifier.Classify(e), attempts, e);
        }
    }

    private RetryStrategyOptions<ChatResponse> Retry() => new()
    {
        MaxRetryAttempts = _options.MaxRetries,
        BackoffType = DelayBackoffType.Exponential,
        UseJitter = true,
        Delay = _options.BaseDelay,
        MaxDelay = _options.MaxDelay,
        Randomizer = NextJitter,
        ShouldHandle = args => ValueTask.FromResult(
            !args.Context.CancellationToken.IsCancellationRequested
            && Decide(args.Outcome) is { Verdict: CallVerdict.Retry } decision
            && !(decision.RetryAfter > _options.MaxRetryAfter)),
        // The service's own wish comes first; null falls back to the exponential wait.
        DelayGenerator = args => ValueTask.FromResult(Decide(args.Outcome)?.RetryAfter),
        OnRetry = args =>
        {
            ChatMetrics.Retries.Add(1);
            LogRetry(_logger, args.AttemptNumber + 1, Decide(args.Outcome)?.Reason, args.RetryDelay.TotalSeconds);
            return ValueTask.CompletedTask;
        },
    };

    private CallDecision? Decide(Outcome<ChatResponse> outcome) =>
        outcome.Exception is { } e
            ? _options.Classifier.Classify(e) : outcome.Result is { } response ? _options.Classifier.Classify(response) : null;

    private double NextJitter()
    {
        lock (_jitterLock)
            return _jitter.NextDouble();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Try {Attempt} failed: {Reason}. Trying again in {Seconds:0.0} s.")]
    private static partial void LogRetry(ILogger logger, int attempt, string? reason, double seconds);
}
