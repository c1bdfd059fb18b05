using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tuna.Chat;
using Tuna.Chat.Errors;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>Ranks by asking a strong language model (contextual ranking, arXiv 2310.13385, section 2.2 and Table 9).</summary>
/// <remarks>
/// One call per row, temperature 0, the paper's prompt. A reply that is no complete ranking is asked again a limited number of times. The
/// judge's own answer is taken out of the ranking. Scores are the judge's totals (0 to 15) when it gave all of them and they agree with its
/// ranking; otherwise the positions (K for the best, 1 for the last). Thread-safe when the client is, as chat clients are. The client stays
/// the caller's to dispose.
/// </remarks>
public sealed partial class ContextualRanker : IResponseRanker
{
    private readonly IChatClient _judge;
    private readonly ContextualRankerOptions _options;
    private readonly ILogger _logger;
    private volatile bool _formRefused;

    /// <summary>Creates the ranker.</summary>
    /// <param name="judge">The judge.</param>
    /// <param name="options">Settings; read once, here.</param>
    /// <param name="logger">Receives re-asks at Information. Texts and replies are never logged.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public ContextualRanker(IChatClient judge, ContextualRankerOptions? options = null, ILogger<ContextualRanker>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(judge);
        _options = options ?? new ContextualRankerOptions();
        _options.Validate();
        _judge = judge;
        _logger = logger ?? NullLogger<ContextualRanker>.Instance;
    }

    /// <inheritdoc/>
    public async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Candidates.Count is < 2 or > JudgePrompt.MaxCandidates)
            throw new RankingException(request.Id, RankingFailure.InvalidRequest,
                $"there are {request.Candidates.Count} candidates; a judge compares 2 to {JudgePrompt.MaxCandidates}.");
        try
        {
            return await AskAsync(request, _formRefused ? _options.FallbackPrompt! : _options.Prompt, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (RankingException e) when (!_formRefused && RefusesForm(e))
        {
            _formRefused = true; // the service has no such reply form: later rows need not find out again
            return await AskAsync(request, _options.FallbackPrompt!, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<RankingResult> AskAsync(RankingRequest request, JudgePrompt prompt, CancellationToken cancellationToken)
    {
        List<ChatMessage> messages = [.. prompt.Ask(request)];
        RankingUsage usage = RankingUsage.None;
        for (int attempt = 0; ; attempt++)
        {
            string text = "";
            try
            {
                ChatResponse response = await CallAsync(request, prompt, messages, usage, cancellationToken).ConfigureAwait(false);
                usage = usage.Add(CallUsage.Of(response).ToRankingUsage());
                text = response.Text;
                if (response.FinishReason == ChatFinishReason.ContentFilter)
                    throw new RankingException(request.Id, RankingFailure.Refused, "the judge's content filter refused this row.", usage);
                if (response.FinishReason == ChatFinishReason.Length)
                    throw new UnreadableReplyException("it was cut off at the limit of its length.");
                return ToResult(prompt.Read(text, request), _options.Score, usage);
            }
            catch (UnreadableReplyException problem)
            {
                RankerMetrics.ParseFailures.Add(1);
                if (attempt == _options.MaxReasks)
                    throw new RankingException(request.Id, RankingFailure.UnreadableReply,
                        $"after {attempt + 1} calls, the judge's last reply could not be read: {problem.Message}", usage, problem);
                LogReask(_logger, request.Id, attempt + 1, problem.Message);
                if (!string.IsNullOrWhiteSpace(text))
                    messages.Add(new ChatMessage(ChatRole.Assistant, text));
                messages.Add(new ChatMessage(ChatRole.User, prompt.Correct(problem, request)));
            }
        }
    }

    private async Task<ChatResponse> CallAsync(RankingRequest request, JudgePrompt prompt, List<ChatMessage> messages, RankingUsage spent,
        CancellationToken cancellationToken)
    {
        var options = new CallOptions
        {
            ModelId = _options.Model,
            Temperature = _options.Temperature,
            TopP = _options.TopP,
            MaxOutputTokens = _options.MaxOutputTokens,
            ResponseFormat = prompt.ResponseFormat,
            RowId = request.Id,
            PromptVersion = prompt.Version,
            PresentedOrder = request.PresentedOrder,
        };
        try
        {
            return await _judge.GetResponseAsync([.. messages], options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            if (CallFailure.Decide(e).Verdict == CallVerdict.ReAsk)
                throw new UnreadableReplyException("the service found that it does not have the form that was asked for.");
            throw CallFailure.ToRankingException(request.Id, "judge", e, spent);
        }
    }

    private bool RefusesForm(RankingException e)
    {
        if (_options.Prompt.ResponseFormat is null || _options.FallbackPrompt is null || e.Reason != RankingFailure.ServiceError)
            return false;
        return e.InnerException is { } cause && CallFailure.Decide(cause)
            is { Verdict: CallVerdict.GiveUp, Error: { Status: 400 or 422, Code: not "context_length_exceeded" } };
    }

    private static RankingResult ToResult(Judgment judgment, JudgeScore score, RankingUsage usage) => new()
    {
        Scores = Scores(judgment, score),
        Order = judgment.Order,
        Usage = usage,
        AspectScores = judgment.AspectScores.Any(a => a is not null) ? judgment.AspectScores : null,
        JudgeReference = judgment.Reference,
    };

    private static double?[] Scores(Judgment judgment, JudgeScore score)
    {
        var scores = new double?[judgment.Scores.Count];
        bool usable = score == JudgeScore.Totals;
        for (int i = 0; i < judgment.Order.Count; i++)
        {
            scores[judgment.Order[i]] = judgment.Scores[judgment.Order[i]];
            usable &= scores[judgment.Order[i]] is { } s && (i == 0 || s <= scores[judgment.Order[i - 1]]);
        }

        if (usable)
            return scores;
        // Asked for, or the judge contradicts itself or gave no scores: its ranking counts, as in the paper.
        for (int i = 0; i < judgment.Order.Count; i++)
            scores[judgment.Order[i]] = judgment.Order.Count - i;
        return scores;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Row {Row}: reply {Attempt} could not be read, asking again. {Problem}")]
    private static partial void LogReask(ILogger logger, string row, int attempt, string problem);
}
