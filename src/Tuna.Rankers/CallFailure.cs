using Tuna.Chat;
using Tuna.Chat.Errors;
using Tuna.Chat.Limits;
using Tuna.Ranking;

namespace Tuna.Rankers;

/// <summary>From a failed call to the failure of its row.</summary>
internal static class CallFailure
{
    public static CallDecision Decide(Exception exception) =>
        (exception as CallFailedException)?.Decision ?? CallErrorClassifier.Default.Classify(exception);

    /// <summary>What a call cost, in the words of rankings.</summary>
    public static RankingUsage ToRankingUsage(this CallUsage usage) => new(usage.Calls, usage.InputTokens, usage.OutputTokens, usage.Cost);

    public static RankingException ToRankingException(string rowId, string who, Exception exception, RankingUsage spent)
    {
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
