using Microsoft.Extensions.Logging;
using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>Logs each row: how long it took, what it cost, or why it failed. Texts are never logged.</summary>
/// <param name="inner">The ranker that is logged.</param>
/// <param name="logger">Receives rankings at Debug and failures at Warning.</param>
/// <param name="timeProvider">The clock; the system's when null.</param>
public sealed partial class LoggingRanker(IResponseRanker inner, ILogger logger, TimeProvider? timeProvider = null)
    : DelegatingResponseRanker(inner)
{
    private readonly ILogger _logger = logger ?? throw new ArgumentNullException(nameof(logger));
    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;

    /// <inheritdoc/>
    public override async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        long start = _time.GetTimestamp();
        try
        {
            RankingResult result = await Inner.RankAsync(request, cancellationToken).ConfigureAwait(false);
            double seconds = _time.GetElapsedTime(start).TotalSeconds;
            LogRanked(_logger, request.Id, request.Candidates.Count, seconds, result.Usage.Calls, result.Usage.Cost, result.Consistency);
            return result;
        }
        catch (RankingException e)
        {
            LogFailed(_logger, request.Id, e.Reason, e.Problem);
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug,
        Message = "Row {Row}: {Candidates} candidates ranked in {Seconds:0.000} s, {Calls} calls, cost {Cost}, consistency {Consistency}.")]
    private static partial void LogRanked(ILogger logger, string row, int candidates, double seconds, int calls, decimal cost,
        double? consistency);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Row {Row} failed ({Reason}): {Problem}")]
    private static partial void LogFailed(ILogger logger, string row, RankingFailure reason, string problem);
}
