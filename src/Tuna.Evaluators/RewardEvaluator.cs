using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Data.Prompts;
using Tuna.Policies;
using Tuna.Tokenization;

namespace Tuna.Evaluators;

/// <summary>The reward that a local reward model gives an answer; higher is better, and only differences mean something.</summary>
/// <remarks>Needs no judge. Thread-safe: answers wait for one another. The model stays the caller's to dispose.</remarks>
public sealed class RewardEvaluator : IEvaluator, IDisposable
{
    /// <summary>The metric's name.</summary>
    public const string MetricName = "Reward";

    private readonly LocalScores _scores;
    private readonly double? _atLeast;

    /// <summary>Creates an evaluator.</summary>
    /// <param name="rewardModel">A model whose numbers are rewards; a policy's log-probabilities are <see cref="NllEvaluator"/>'s.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="template">The prompt that it was trained with: Alpaca's when null, which holds one question; an
    /// <see cref="IChatFormat"/> for conversations.</param>
    /// <param name="atLeast">The least reward that passes, finite; null judges nothing.</param>
    /// <exception cref="ArgumentException">The tokenizer is not the model's, or the model is a policy.</exception>
    public RewardEvaluator(IResponseScorer rewardModel, ITokenizer tokenizer, IPromptTemplate? template = null, double? atLeast = null)
    {
        if (rewardModel is IPolicyModel)
            throw new ArgumentException($"The model is a policy, which gives log-probabilities and no rewards: use {nameof(NllEvaluator)}.",
                nameof(rewardModel));
        _atLeast = Metrics.Checked(atLeast, nameof(atLeast));
        _scores = new LocalScores(rewardModel, tokenizer, template);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames => [MetricName];

    /// <inheritdoc/>
    public async ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null, IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(modelResponse);
        var metric = new NumericMetric(MetricName);
        (double reward, _, string? problem) =
            await _scores.ScoreAsync(messages, modelResponse, cancellationToken).ConfigureAwait(false);
        if (problem is not null)
            return Metrics.Failed(problem, metric);
        metric.Value = reward;
        return new EvaluationResult(metric.Judged(_atLeast));
    }

    /// <summary>Releases the evaluator's own resources; the model is left alone.</summary>
    public void Dispose() => _scores.Dispose();
}
