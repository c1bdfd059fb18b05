using Tuna.Chat;
using Tuna.Chat.Errors;
using Tuna.Chat.Limits;
using Tuna.Ranking;

namespace Tuna.Rankers;

/// <summary>From a failed call to the failure of its row: for rankers over a service.</summary>
public static class CallFailure
{
    /// <summary>What a failed call means: what was decided where it failed, or what the default rules say.</summary>
    public static CallDecision Decide(Exception exception) =>
        (exception as CallFailedException)?.Decision ?? CallErrorClassifier.Default.Classify(exception);

    /// <summary>What a call cost, in the words of rankings.</summary>
    public static RankingUsage ToRankingUsage(this CallUsage usage)
    {
        ArgumentNullException.ThrowIfNull(usage);
        return new(usage.Calls, usage.InputTokens, usage.OutputTokens, usage.Cost);
    }

    /// <summary>The exception of a row whose call failed.</summary>
    /// <param name="rowId">The row.</param>
    /// <param name="who">Who did not answer, such as "judge".</param>
    /// <param name="exception">What the call threw.</param>
    /// <param name="spent">What was spent on the row all the same.</param>
    public static RankingException ToRankingException(string rowId, string who, Exception exception, RankingUsage spent)
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (exception is BudgetExhaustedException)
            return new RankingException(rowId, RankingFailure.BudgetExhausted, exception.Message, spent, exception);
        RankingFailure reason = Decide(exception) switch
        {
            { Verdict: CallVerdict.Stop } => RankingFailure.Stopped,
            { Refused: true } => RankingFailure.Refused,
            _ => RankingFailure.ServiceError,
        };
        return new RankingException(rowId, reason, $"the call to the {who} failed: {exception.Message}", spent, exception);
    }
}
