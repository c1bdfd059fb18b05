using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Tuna.Ranking;

namespace Tuna.Rankers.Batch;

/// <summary>Ranks many rows at once; every row comes out ranked or with its reason.</summary>
/// <remarks>
/// Rows are read as they are needed and outcomes wait for their reader, so memory does not grow with the input. When no call can succeed
/// any more (<see cref="RankingFailure.Stopped"/>), the rest is not tried and says so; when the budget is spent, the rest is still tried,
/// since a journal may know it. Cancellation throws, after the rows under way have ended; what they paid for is in the journal.
/// </remarks>
/// <param name="ranker">The ranker; it must be thread-safe, as rankers are.</param>
/// <param name="options">Settings.</param>
/// <param name="timeProvider">The clock; the system's when null.</param>
public sealed class RankingRunner(IResponseRanker ranker, RankingRunnerOptions? options = null, TimeProvider? timeProvider = null)
{
    private readonly IResponseRanker _ranker = ranker ?? throw new ArgumentNullException(nameof(ranker));
    private readonly RankingRunnerOptions _options = options ?? new RankingRunnerOptions();
    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;

    /// <summary>Ranks the rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="progress">Told how far the run is, from one thread at a time.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>One outcome per row.</returns>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public async IAsyncEnumerable<RankingOutcome> RunAsync(IAsyncEnumerable<RankingRequest> rows,
        IProgress<RankingProgress>? progress = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        _options.Validate();
        // Rows taken and not yet handed out; twice and more of what runs at once, so that one slow row does not idle the rest.
        using var room = new SemaphoreSlim(4 * _options.MaxParallelRows);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var outcomes = Channel.CreateUnbounded<RankingOutcome>(new UnboundedChannelOptions { SingleReader = true });
        var tracker = new ProgressTracker(_options, _time, progress); // before the work starts spending
        Task work = WorkAsync(rows, room, outcomes.Writer, stop.Token);
        var waiting = new Dictionary<long, RankingOutcome>();
        long next = 0;
        try
        {
            await foreach (RankingOutcome ready in outcomes.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                tracker.Count(ready);
                if (!_options.InOrder)
                {
                    room.Release();
                    yield return ready;
                    continue;
                }

                waiting.Add(ready.Index, ready);
                while (waiting.Remove(next, out RankingOutcome? outcome))
                {
                    next++;
                    room.Release();
                    yield return outcome;
                }
            }

            tracker.Finish();
        }
        finally
        {
            // A reader that leaves early, or a failure, must not leave rows running behind its back.
            await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        cancellationToken.ThrowIfCancellationRequested(); // first: a row that failed meanwhile must not pass for the reason
        await work.ConfigureAwait(false);
    }

    private async Task WorkAsync(IAsyncEnumerable<RankingRequest> rows, SemaphoreSlim room, ChannelWriter<RankingOutcome> outcomes,
        CancellationToken cancellationToken)
    {
        RankingException? stopped = null;
        int errorsInARow = 0;
        using var turns = new SemaphoreSlim(_options.MaxParallelRows);
        var running = new HashSet<Task>();
        try
        {
            long index = 0;
            await foreach (RankingRequest row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                await room.WaitAsync(cancellationToken).ConfigureAwait(false);
                await turns.WaitAsync(cancellationToken).ConfigureAwait(false);
                running.RemoveWhere(t => t.IsCompletedSuccessfully);
                running.Add(RankRowAsync(index++, row));
            }
        }
        finally
        {
            try
            {
                await Task.WhenAll(running).ConfigureAwait(false);
            }
            finally
            {
                outcomes.Complete();
            }
        }

        async Task RankRowAsync(long index, RankingRequest row)
        {
            await Task.Yield(); // a ranker may work before its first await
            try
            {
                if (Volatile.Read(ref stopped) is { } reason)
                {
                    outcomes.TryWrite(new RankingOutcome(index, row, null,
                        new RankingException(row.Id, RankingFailure.Stopped,
                        $"not tried, because the run was stopped by row '{reason.RowId}': {reason.Problem}")));
                    return;
                }

                RankingResult result = await _ranker.RankAsync(row, cancellationToken).ConfigureAwait(false);
                Volatile.Write(ref errorsInARow, 0);
                outcomes.TryWrite(new RankingOutcome(index, row, result, null));
            }
            catch (RankingException e)
            {
                if (e.Reason == RankingFailure.ServiceError && Interlocked.Increment(ref errorsInARow) == _options.MaxServiceErrorsInARow)
                    e = new RankingException(row.Id, RankingFailure.Stopped,
                        $"the service failed for {_options.MaxServiceErrorsInARow} rows in a row and is taken to be down; the last time, "
                        + $"{e.Problem}", e.Usage, e);
                if (e.Reason == RankingFailure.Stopped)
                    Interlocked.CompareExchange(ref stopped, e, null);
                outcomes.TryWrite(new RankingOutcome(index, row, null, e));
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // A defect in a ranker must not take the other rows with it; the row carries the whole exception.
                outcomes.TryWrite(new RankingOutcome(index, row, null,
                    new RankingException(row.Id, RankingFailure.Unexpected, $"the ranker threw {e.GetType().Name}: {e.Message}",
                    innerException: e)));
            }
            finally
            {
                turns.Release();
            }
        }
    }
}
