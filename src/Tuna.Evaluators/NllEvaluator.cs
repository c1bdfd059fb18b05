using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Data.Prompts;
using Tuna.Policies;
using Tuna.Tokenization;

namespace Tuna.Evaluators;

/// <summary>The negative log-likelihood of an answer under a local policy, -(1/|r|) log p(r | x), nats per token with the end token
/// (arXiv 2310.13385, Eq. 2), and its perplexity; lower is better.</summary>
/// <remarks>Give it expert answers to measure the policy, or a strong policy to measure answers. Needs no judge. Thread-safe: answers wait
/// for one another. The policy stays the caller's to dispose.</remarks>
public sealed class NllEvaluator : IEvaluator, IDisposable
{
    /// <summary>The name of the metric in nats per token.</summary>
    public const string MetricName = "NLL";

    /// <summary>The name of the metric exp(NLL).</summary>
    public const string PerplexityMetricName = "Perplexity";

    private readonly LocalScores _scores;
    private readonly double? _atMost;

    /// <summary>Creates an evaluator.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="template">The prompt that it was tuned with: Alpaca's when null, which holds one question; an
    /// <see cref="IChatFormat"/> for conversations.</param>
    /// <param name="atMost">The largest NLL that passes, finite; null judges nothing.</param>
    /// <exception cref="ArgumentException">The tokenizer is not the policy's.</exception>
    public NllEvaluator(IPolicyModel policy, ITokenizer tokenizer, IPromptTemplate? template = null, double? atMost = null)
    {
        _atMost = Metrics.Checked(atMost, nameof(atMost));
        _scores = new LocalScores(policy, tokenizer, template);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames => [MetricName, PerplexityMetricName];

    /// <inheritdoc/>
    public async ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null, IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(modelResponse);
        var nll = new NumericMetric(MetricName);
        var perplexity = new NumericMetric(PerplexityMetricName);
        (double logProb, int length, string? problem) =
            await _scores.ScoreAsync(messages, modelResponse, cancellationToken).ConfigureAwait(false);
        if (problem is not null)
            return Metrics.Failed(problem, nll, perplexity);
        nll.Value = -logProb / length;
        nll.Reason = string.Create(CultureInfo.InvariantCulture, $"{-logProb:0.####} nats over {length} tokens");
        perplexity.Value = Math.Exp(nll.Value.Value);
        return new EvaluationResult(nll.Judged(_atMost, atMost: true), perplexity);
    }

    /// <summary>Releases the evaluator's own resources; the policy is left alone.</summary>
    public void Dispose() => _scores.Dispose();
}
