using Tuna.Chat;
using Tuna.Ranking;

namespace Tuna.Rankers.Batch;

/// <summary>Counts outcomes and reports, not too often. Used by one thread at a time.</summary>
internal sealed class ProgressTracker(RankingRunnerOptions options, TimeProvider time, IProgress<RankingProgress>? progress)
{
    private readonly long _start = time.GetTimestamp();
    private readonly CallUsage _spentBefore = options.Budget?.Spent ?? CallUsage.None;
    private readonly Dictionary<RankingFailure, long> _failures = [];
    private long _lastReport = time.GetTimestamp();
    private RankingUsage _usage = RankingUsage.None;
    private long _done;
    private long _failed;

    public void Count(RankingOutcome outcome)
    {
        _done++;
        _usage = _usage.Add(outcome.Result?.Usage ?? outcome.Failure!.Usage);
        if (outcome.Failure is { } failure)
        {
            _failed++;
            _failures[failure.Reason] = _failures.GetValueOrDefault(failure.Reason) + 1;
        }

        if (progress is not null && time.GetElapsedTime(_lastReport) >= options.ProgressInterval)
            Finish();
    }

    public void Finish()
    {
        if (progress is null)
            return;
        _lastReport = time.GetTimestamp();
        TimeSpan elapsed = time.GetElapsedTime(_start);
        RankingUsage usage = options.Budget is { } budget ? budget.Spent.Since(_spentBefore).ToRankingUsage() : _usage;
        double? share = options.TotalRows is > 0 && _done > 0 ? (double)_done / options.TotalRows.Value : null;
        progress.Report(new RankingProgress(
            _done,
            _failed,
            options.TotalRows,
            usage,
            elapsed,
            share is { } s ? elapsed * Math.Max(0, (1 - s) / s) : null,
            share is { } p ? usage.Cost / (decimal)p : null,
            new Dictionary<RankingFailure, long>(_failures)));
    }
}
