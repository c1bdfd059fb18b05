using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Chat;
using Tuna.Evaluation.Vicuna;

namespace Tuna.Evaluators;

/// <summary>A judge's verdict on an answer beside a baseline's, by a Vicuna protocol: "win", "loss" or "tie", and as a number 1, 0 or 0.5,
/// whose mean is the adjusted win rate.</summary>
/// <remarks>
/// Needs a <see cref="BaselineContext"/> and a judge: the chat configuration's client, which
/// <see cref="ChatClientBuilderExtensions.UseCallPipeline"/> gives a journal, a budget and retries. The protocols judge one question:
/// conversations of several turns are refused, by a diagnostic. Thread-safe.
/// </remarks>
public sealed class VicunaEvaluator : IEvaluator
{
    /// <summary>The name of the metric in words.</summary>
    public const string VerdictMetricName = "Vicuna verdict";

    /// <summary>The name of the metric as a number.</summary>
    public const string WinMetricName = "Vicuna win";

    private readonly VicunaProtocol _protocol;
    private readonly string? _judgeModel;

    /// <summary>Creates an evaluator.</summary>
    /// <param name="protocol">How the judge is asked: <see cref="VerdictProtocol"/>, in both orders, when null, or
    /// <see cref="ScoreProtocol"/>.</param>
    /// <param name="judgeModel">The judge's model id, for clients that serve several; null leaves it to the client.</param>
    public VicunaEvaluator(VicunaProtocol? protocol = null, string? judgeModel = null)
    {
        _protocol = protocol ?? new VerdictProtocol();
        _judgeModel = judgeModel;
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames => [VerdictMetricName, WinMetricName];

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException">There is no chat configuration, so no judge.</exception>
    public async ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null, IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(modelResponse);
        ArgumentNullException.ThrowIfNull(chatConfiguration);
        ChatMessage[] asked = [.. messages];
        var verdict = new StringMetric(VerdictMetricName);
        var win = new NumericMetric(WinMetricName);
        if (Metrics.Context<BaselineContext>(additionalContext) is not { } baseline)
            return Metrics.Failed($"A verdict compares with a baseline's answer: give a {nameof(BaselineContext)}.", verdict, win);
        if (asked is not [{ } question] || question.Role != ChatRole.User)
            return Metrics.Failed($"A Vicuna protocol judges one question, and the conversation has the turns {string.Join(", ",
                asked.Select(message => message.Role.Value))}.", verdict, win);

        VicunaReport report = await JudgeAsync(question.Text, modelResponse.Text, baseline, chatConfiguration.ChatClient, cancellationToken)
            .ConfigureAwait(false);
        var result = new EvaluationResult(verdict, win);
        result.AddOrUpdateContextInAllMetrics(baseline);
        result.AddOrUpdateMetadataInAllMetrics("protocol", report.Protocol);
        AddUsage(result, report.Usage);
        result.AddDiagnosticsToAllMetrics(report.Issues.Select(EvaluationDiagnostic.Error));
        MatchOutcome outcome = report.Judgments is [var only] ? only.Outcome : MatchOutcome.Error;
        if (outcome == MatchOutcome.Error)
            return result;
        verdict.Value = outcome.ToString().ToLowerInvariant();
        win.Value = outcome switch { MatchOutcome.Win => 1, MatchOutcome.Tie => 0.5, _ => 0 };
        verdict.Reason = "by call, from the answer's side: " + string.Join(", ", report.Judgments[0].Games).ToLowerInvariant();
        EvaluationRating rating = outcome switch
        {
            MatchOutcome.Win => EvaluationRating.Good,
            MatchOutcome.Tie => EvaluationRating.Average,
            _ => EvaluationRating.Poor,
        };
        result.Interpret(_ => new EvaluationMetricInterpretation(rating, failed: outcome == MatchOutcome.Loss, verdict.Reason));
        return result;
    }

    // One match at a time: the report's intervals are of no use here, and cost one resample.
    private async Task<VicunaReport> JudgeAsync(string question, string answer, BaselineContext baseline, IChatClient judge,
        CancellationToken cancellationToken)
    {
        const string Id = "1";
        var evaluation = new VicunaEvaluation(judge, _protocol, new VicunaOptions { JudgeModel = _judgeModel, BootstrapSamples = 1 });
        return await evaluation.RunAsync([new VicunaQuestion(Id, baseline.Category, question)], Answers("answer", answer),
            Answers("baseline", baseline.Answer), baseline.Reference is { } reference ? Answers("reference", reference) : null,
            cancellationToken: cancellationToken).ConfigureAwait(false);

        static VicunaAnswers Answers(string name, string text) => new(name, new Dictionary<string, string> { [Id] = text });
    }

    private static void AddUsage(EvaluationResult result, CallUsage usage)
    {
        result.AddOrUpdateMetadataInAllMetrics("calls", usage.Calls.ToString(CultureInfo.InvariantCulture));
        result.AddOrUpdateMetadataInAllMetrics("input tokens", usage.InputTokens.ToString(CultureInfo.InvariantCulture));
        result.AddOrUpdateMetadataInAllMetrics("output tokens", usage.OutputTokens.ToString(CultureInfo.InvariantCulture));
    }
}
