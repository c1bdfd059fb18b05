using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Errors;

namespace Tuna.Evaluation.Vicuna;

/// <summary>Has a judge compare a model's answers with a baseline's.</summary>
/// <remarks>
/// Give it a client made by <see cref="ChatClientBuilderExtensions.UseCallPipeline"/>: its journal is what an interrupted evaluation
/// resumes from (what was answered is not asked or paid again), its budget and retries are those of the contextual ranker. A match that
/// cannot be judged is named and does not touch the others.
/// </remarks>
public sealed class VicunaEvaluation
{
    private readonly IChatClient _judge;
    private readonly VicunaProtocol _protocol;
    private readonly VicunaOptions _options;

    /// <summary>Creates an evaluation.</summary>
    /// <param name="judge">The judge; thread-safe.</param>
    /// <param name="protocol">How it is asked: <see cref="VerdictProtocol"/> or <see cref="ScoreProtocol"/>.</param>
    /// <param name="options">Settings; the defaults when null.</param>
    public VicunaEvaluation(IChatClient judge, VicunaProtocol protocol, VicunaOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(judge);
        ArgumentNullException.ThrowIfNull(protocol);
        _judge = judge;
        _protocol = protocol;
        _options = options ?? new();
        _options.Validate();
    }

    /// <summary>Judges every question that both models answered.</summary>
    /// <param name="questions">The questions.</param>
    /// <param name="model">The evaluated model's answers.</param>
    /// <param name="baseline">The answers it is compared with.</param>
    /// <param name="references">Reference answers, for the categories whose protocol needs them.</param>
    /// <param name="progress">Is told how many matches are done, from any thread.</param>
    /// <param name="cancellationToken">Stops; replies that were paid for are in the client's journal.</param>
    public async Task<VicunaReport> RunAsync(
        IReadOnlyList<VicunaQuestion> questions,
        VicunaAnswers model,
        VicunaAnswers baseline,
        VicunaAnswers? references = null,
        IProgress<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(questions);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(baseline);
        var issues = new List<string>([.. model.Issues, .. baseline.Issues, .. references?.Issues ?? []]);
        List<VicunaMatch> matches = [.. Matches(questions, model, baseline, references, issues)];
        var results = new (VicunaJudgment? Judgment, string? Issue, CallUsage Usage)[matches.Count];
        string? stopped = null;
        int done = 0;
        await Parallel.ForAsync(0, matches.Count,
            new ParallelOptions { MaxDegreeOfParallelism = _options.MaxParallelMatches, CancellationToken = cancellationToken },
            async (i, token) =>
        {
            results[i] = Volatile.Read(ref stopped) is { } reason
                ? (null, $"not tried, because {reason}", CallUsage.None)
                : await JudgeAsync(matches[i], stop => Interlocked.CompareExchange(ref stopped, stop, null), token).ConfigureAwait(false);
            progress?.Report(Interlocked.Increment(ref done));
        }).ConfigureAwait(false);

        List<VicunaJudgment> judgments = [.. results.Select((result, i) => result.Judgment ?? Unjudged(matches[i]))];
        issues.AddRange(results.Select((result, i) => (result.Issue, matches[i].Question.Id)).Where(entry => entry.Issue is not null)
            .Select(entry => $"question '{entry.Id}': {entry.Issue}"));
        return new VicunaReport(
            model.Model,
            baseline.Model,
            _protocol.Name,
            VicunaScore.Of("overall", judgments, _options.BootstrapSamples, _options.Seed),
            [.. judgments.GroupBy(judgment => judgment.Category)
                .Select(group => VicunaScore.Of(group.Key, [.. group], _options.BootstrapSamples, _options.Seed))],
            judgments,
            results.Aggregate(CallUsage.None, (sum, result) => sum.Add(result.Usage)),
            issues);
    }

    private IEnumerable<VicunaMatch> Matches(IReadOnlyList<VicunaQuestion> questions, VicunaAnswers model, VicunaAnswers baseline,
        VicunaAnswers? references, List<string> issues)
    {
        HashSet<string> known = [.. questions.Select(question => question.Id)];
        foreach (VicunaAnswers answers in new[] { model, baseline })
            issues.AddRange(answers.ById.Keys.Where(id => !known.Contains(id)).Order(StringComparer.Ordinal)
                .Select(id => $"{answers.Model}, id '{id}': there is no such question; the answer is not used."));
        foreach (VicunaQuestion question in questions)
        {
            string? reference = references?.ById.GetValueOrDefault(question.Id);
            string? missing = !model.ById.ContainsKey(question.Id) ? model.Model + " has no answer"
                : !baseline.ById.ContainsKey(question.Id) ? baseline.Model + " has no answer"
                : _protocol.NeedsReference(question.Category) && reference is null
                    ? $"category '{question.Category}' is judged with a reference answer, and there is none"
                : null;
            if (missing is null)
                yield return new VicunaMatch(question, model.Model, model.ById[question.Id], baseline.Model, baseline.ById[question.Id],
                    reference);
            else
                issues.Add($"question '{question.Id}': {missing}; it is not judged.");
        }
    }

    private async Task<(VicunaJudgment? Judgment, string? Issue, CallUsage Usage)> JudgeAsync(VicunaMatch match, Action<string> stop,
        CancellationToken cancellationToken)
    {
        CallUsage usage = CallUsage.None;
        var replies = new List<string>();
        try
        {
            foreach (VicunaCall call in _protocol.Calls(match))
            {
                var options = new CallOptions
                {
                    ModelId = _options.JudgeModel,
                    Temperature = _protocol.Temperature,
                    MaxOutputTokens = _protocol.MaxOutputTokens,
                    RowId = match.Question.Id,
                    PromptVersion = call.PromptVersion,
                    PresentedOrder = call.Order,
                };
                ChatResponse response = await _judge.GetResponseAsync(call.Messages, options, cancellationToken).ConfigureAwait(false);
                usage = usage.Add(CallUsage.Of(response));
                replies.Add(response.Text);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // The service, the budget or the client gave up on this match; when no call can succeed, the rest need not try.
            if (e is CallFailedException { Decision.Verdict: CallVerdict.Stop })
                stop($"the judge refuses every call (seen at question '{match.Question.Id}'): {e.Message}");
            return (null, $"the judge did not answer: {e.Message}", usage);
        }

        VicunaJudgment judgment = _protocol.Judge(match, replies);
        string? unread = judgment.Outcome == MatchOutcome.Error ? "the judge's reply holds no verdict that this reader understands." : null;
        return (judgment, unread, usage);
    }

    private static VicunaJudgment Unjudged(VicunaMatch match) =>
        new(match.Question.Id, match.Question.Category, match.Model1, match.Model2, MatchOutcome.Error, []);
}

/// <summary>How a Vicuna evaluation runs.</summary>
public sealed record VicunaOptions
{
    /// <summary>The judge's model id, for clients that serve several; null leaves it to the client. Default null.</summary>
    public string? JudgeModel { get; init; }

    /// <summary>Matches judged at once, at least 1. Default 8.</summary>
    public int MaxParallelMatches { get; init; } = 8;

    /// <summary>Resamples of the intervals, at least 1. Default 1000.</summary>
    public int BootstrapSamples { get; init; } = 1000;

    /// <summary>Seed of the resampling. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxParallelMatches, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BootstrapSamples, 1);
    }
}

/// <summary>The result of a model on Vicuna QA against a baseline.</summary>
/// <param name="Model">The evaluated model.</param>
/// <param name="Baseline">The model it was compared with.</param>
/// <param name="Protocol">The protocol and the reader that produced the figures.</param>
/// <param name="Overall">Over all questions.</param>
/// <param name="Categories">Per category, in the questions' order.</param>
/// <param name="Judgments">Each match, errors included.</param>
/// <param name="Usage">What the judgments cost, those that a journal answered included.</param>
/// <param name="Issues">What was wrong with the data or the judge, by question.</param>
public sealed record VicunaReport(
    string Model,
    string Baseline,
    string Protocol,
    VicunaScore Overall,
    IReadOnlyList<VicunaScore> Categories,
    IReadOnlyList<VicunaJudgment> Judgments,
    CallUsage Usage,
    IReadOnlyList<string> Issues);
