namespace Tuna.Ranking;

/// <summary>A row could not be ranked.</summary>
public sealed class RankingException : Exception
{
    /// <summary>Creates the exception.</summary>
    public RankingException(string rowId, RankingFailure reason, string message, RankingUsage? usage = null,
        Exception? innerException = null)
        : base($"Row '{rowId}': {message}", innerException)
    {
        RowId = rowId;
        Problem = message;
        Reason = reason;
        Usage = usage ?? RankingUsage.None;
    }

    /// <summary>The row's id.</summary>
    public string RowId { get; }

    /// <summary>What is wrong, without the row's id.</summary>
    public string Problem { get; }

    /// <summary>Why it failed.</summary>
    public RankingFailure Reason { get; }

    /// <summary>What was spent on the row all the same.</summary>
    public RankingUsage Usage { get; }
}

/// <summary>Why a row could not be ranked.</summary>
public enum RankingFailure
{
    /// <summary>The request itself cannot be ranked (no candidates, missing log-probabilities).</summary>
    InvalidRequest,

    /// <summary>The judge's replies could not be read within the allowed number of re-asks.</summary>
    UnreadableReply,

    /// <summary>The judge refused or its content filter did.</summary>
    Refused,

    /// <summary>The service failed beyond the allowed retries.</summary>
    ServiceError,

    /// <summary>The budget of tokens or money is spent.</summary>
    BudgetExhausted,

    /// <summary>Repeated judgments of this row disagree too much.</summary>
    Inconsistent,

    /// <summary>The run was stopped before this row was judged: no call can succeed (bad key, unknown model, no quota).</summary>
    Stopped,

    /// <summary>The ranker threw something else, which is a defect; the cause says what.</summary>
    Unexpected,
}
