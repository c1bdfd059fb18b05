using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Text;

namespace Tuna.Evaluators;

/// <summary>Sentence-level ROUGE-L F of an answer with its references, [0, 1], as Google's <c>rouge_score</c> computes it; of several
/// references the best counts, as in Super-NaturalInstructions.</summary>
/// <remarks>Needs a <see cref="ReferenceContext"/> and no judge. Immutable and thread-safe.</remarks>
public sealed class RougeLEvaluator : IEvaluator
{
    /// <summary>The metric's name.</summary>
    public const string MetricName = "ROUGE-L";

    private readonly RougeL _rouge;
    private readonly double? _atLeast;

    /// <summary>Creates an evaluator.</summary>
    /// <param name="rouge">With or without stemming; with it when null.</param>
    /// <param name="atLeast">The least F that passes, [0, 1]; null judges nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="atLeast"/> is outside [0, 1].</exception>
    public RougeLEvaluator(RougeL? rouge = null, double? atLeast = null)
    {
        if (atLeast is not (null or (>= 0 and <= 1)))
            throw new ArgumentOutOfRangeException(nameof(atLeast), atLeast, "ROUGE-L is in [0, 1].");
        _rouge = rouge ?? RougeL.Stemmed;
        _atLeast = atLeast;
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames => [MetricName];

    /// <inheritdoc/>
    public ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null, IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(modelResponse);
        cancellationToken.ThrowIfCancellationRequested();
        var metric = new NumericMetric(MetricName);
        if (Metrics.Context<ReferenceContext>(additionalContext) is not { } context)
            return new(Metrics.Failed($"ROUGE-L compares with references: give a {nameof(ReferenceContext)}.", metric));

        RougeTokens answer = _rouge.Tokenize(modelResponse.Text);
        RougeScore[] scores = [.. context.References.Select(reference => RougeL.Score(_rouge.Tokenize(reference), answer))];
        int best = Array.IndexOf(scores, scores.MaxBy(score => score.F));
        metric.Value = scores[best].F;
        metric.Reason = string.Create(CultureInfo.InvariantCulture,
            $"precision {scores[best].Precision:0.###}, recall {scores[best].Recall:0.###} with reference {best + 1} of {scores.Length}");
        metric.AddOrUpdateContext(context);
        return new(new EvaluationResult(metric.Judged(_atLeast)));
    }
}
