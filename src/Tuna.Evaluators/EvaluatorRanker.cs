using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Chat;
using Tuna.Rankers;
using Tuna.Ranking;

namespace Tuna.Evaluators;

/// <summary>Ranks candidates by a metric of anybody's <see cref="IEvaluator"/>: its numbers become the candidates' scores.</summary>
/// <remarks>
/// A numeric metric ranks by its value, a Boolean one with true above false. Each candidate is evaluated by itself, one after the other;
/// calls of the evaluator to its judge are counted as the row's usage. Thread-safe if the evaluator is.
/// </remarks>
public sealed class EvaluatorRanker : IResponseRanker
{
    private readonly IEvaluator _evaluator;
    private readonly string _metric;
    private readonly EvaluatorRankerOptions _options;

    /// <summary>Creates a ranker.</summary>
    /// <param name="evaluator">The evaluator.</param>
    /// <param name="metric">The name of the metric that ranks.</param>
    /// <param name="options">Settings; the defaults when null.</param>
    /// <exception cref="ArgumentException">The evaluator has no metric of that name.</exception>
    public EvaluatorRanker(IEvaluator evaluator, string metric, EvaluatorRankerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(evaluator);
        ArgumentException.ThrowIfNullOrEmpty(metric);
        if (!evaluator.EvaluationMetricNames.Contains(metric))
            throw new ArgumentException(
                $"The evaluator has no metric '{metric}'; it has {string.Join(", ", evaluator.EvaluationMetricNames)}.", nameof(metric));
        _evaluator = evaluator;
        _metric = metric;
        _options = options ?? new();
    }

    /// <inheritdoc/>
    public async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Candidates.Count == 0)
            throw new RankingException(request.Id, RankingFailure.InvalidRequest, "there are no candidates to rank.");
        using UsageCounter? judge = _options.Chat is null ? null : new UsageCounter(_options.Chat.ChatClient);
        ChatConfiguration? chat = judge is null ? null : new ChatConfiguration(judge);
        string question = string.IsNullOrEmpty(request.Input) ? request.Instruction : request.Instruction + "\n\n" + request.Input;
        EvaluationContext[] contexts = [.. (_options.Contexts ?? DefaultContexts)(request)];
        double[] scores = new double[request.Candidates.Count];
        for (int k = 0; k < scores.Length; k++)
        {
            double value = await EvaluateAsync(request, k, question, contexts, chat, judge, cancellationToken).ConfigureAwait(false);
            scores[k] = _options.LowerIsBetter ? -value : value;
        }

        return RankedScores.ToResult(scores) with { Usage = Spent(judge) };
    }

    private async Task<double> EvaluateAsync(RankingRequest request, int k, string question, EvaluationContext[] contexts,
        ChatConfiguration? chat, UsageCounter? judge, CancellationToken cancellationToken)
    {
        EvaluationResult result;
        try
        {
            result = await _evaluator.EvaluateAsync([new ChatMessage(ChatRole.User, question)],
                new ChatResponse(new ChatMessage(ChatRole.Assistant, request.Candidates[k].Text)), chat, contexts, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (chat is not null && !cancellationToken.IsCancellationRequested)
        {
            throw CallFailure.ToRankingException(request.Id, "evaluator's judge", e, Spent(judge));
        }

        EvaluationMetric? metric = result.TryGet(_metric, out EvaluationMetric? named) ? named : null;
        double? value = metric switch
        {
            NumericMetric number => number.Value,
            BooleanMetric flag => flag.Value is { } yes ? yes ? 1 : 0 : null,
            null => null,
            _ => throw new RankingException(request.Id, RankingFailure.InvalidRequest,
                $"the metric '{_metric}' is a {metric.GetType().Name}, which has no order; a numeric or Boolean one ranks.", Spent(judge)),
        };
        if (value is { } found && double.IsFinite(found))
            return found;
        string why = string.Join(' ', metric?.Diagnostics?.Select(d => d.Message) ?? []);
        throw new RankingException(request.Id, chat is null ? RankingFailure.InvalidRequest : RankingFailure.UnreadableReply,
            $"the evaluator gives candidate {k} no finite '{_metric}'{(why.Length > 0 ? ": " + why : ".")}", Spent(judge));
    }

    private static RankingUsage Spent(UsageCounter? judge) =>
        judge?.Usage.ToRankingUsage() ?? RankingUsage.None;

    private static EvaluationContext[] DefaultContexts(RankingRequest request) =>
        request.Reference is { } reference ? [new ReferenceContext(reference)] : [];

    // The judge of one row; the client behind it is everybody's and stays open.
    private sealed class UsageCounter(IChatClient judge) : IChatClient
    {
        private readonly Lock _gate = new();

        public CallUsage Usage { get; private set; } = CallUsage.None;

        public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default)
        {
            ChatResponse response = await judge.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
            Count(response);
            return response;
        }

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
            ChatOptions? options = null,
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var updates = new List<ChatResponseUpdate>();
            await foreach (ChatResponseUpdate update in judge.GetStreamingResponseAsync(messages, options, cancellationToken)
                .ConfigureAwait(false))
            {
                updates.Add(update);
                yield return update;
            }

            Count(updates.ToChatResponse());
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => judge.GetService(serviceType, serviceKey);

        public void Dispose()
        {
        }

        private void Count(ChatResponse response)
        {
            lock (_gate)
                Usage = Usage.Add(CallUsage.Of(response));
        }
    }
}

/// <summary>How an evaluator ranks.</summary>
public sealed record EvaluatorRankerOptions
{
    /// <summary>The judge for evaluators that ask one. Default null.</summary>
    public ChatConfiguration? Chat { get; init; }

    /// <summary>Whether a smaller value of the metric is better. Default false.</summary>
    public bool LowerIsBetter { get; init; }

    /// <summary>What the evaluator is given beside question and answer; null gives a <see cref="ReferenceContext"/> where the row has a
    /// reference. Default null.</summary>
    public Func<RankingRequest, IEnumerable<EvaluationContext>>? Contexts { get; init; }
}
