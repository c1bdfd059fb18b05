using System.Collections.Concurrent;
using Tuna.Data;
using Tuna.Rankers.Teachers;
using Tuna.Ranking;
using Tuna.Cli.Files;

namespace Tuna.Cli.Services;

/// <summary>Lets a service answer rows several times, with log-probabilities.</summary>
internal static class TeacherSampling
{
    // As the ranking runner does: a service that fails for so many rows in a row is down, and waiting for each of the others would take
    // days.
    private const int MaxServiceErrorsInARow = 64;

    /// <summary>Answers rows in parallel.</summary>
    /// <returns>The rows that failed.</returns>
    public static async Task<IReadOnlyList<RankingException>> RunAsync(ITeacher teacher, IReadOnlyList<InstructionExample> rows, int count,
        int parallel, Func<string> status, RowSink<RankedExample> sink, CancellationToken cancellationToken)
    {
        var failures = new ConcurrentQueue<RankingException>();
        // Calls under way are paid for: when no further one can succeed, they end, and the other rows are not tried.
        int stopped = 0, errorsInARow = 0;
        await Parallel.ForEachAsync(rows, new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellationToken },
            async (row, token) =>
        {
            if (Volatile.Read(ref stopped) != 0)
                return;
            try
            {
                var request = new TeacherRequest(row.Id!, row.Instruction, row.Input.Length == 0 ? null : row.Input, count);
                sink.Add(ToRow(row, await teacher.AnswerAsync(request, token)), status());
                Volatile.Write(ref errorsInARow, 0);
            }
            catch (RankingException e)
            {
                if (e.Reason == RankingFailure.ServiceError && Interlocked.Increment(ref errorsInARow) == MaxServiceErrorsInARow)
                    e = new RankingException(e.RowId, RankingFailure.Stopped,
                        $"the service failed for {MaxServiceErrorsInARow} rows in a row and is taken to be down; the last time, "
                        + $"{e.Problem}", e.Usage, e);
                failures.Enqueue(e);
                if (e.Reason is RankingFailure.Stopped or RankingFailure.BudgetExhausted)
                    Volatile.Write(ref stopped, 1);
            }
        });
        return [.. failures];
    }

    private static RankedExample ToRow(InstructionExample row, TeacherAnswer answer) => new()
    {
        Id = row.Id!,
        IdIsNumber = row.IdIsNumber,
        Instruction = row.Instruction,
        Input = row.Input.Length == 0 ? null : row.Input,
        Reference = row.Output.Length == 0 ? null : row.Output,
        Outputs = [.. answer.Responses.Select(r => r.Text)],
        Models = [.. answer.Responses.Select(r => r.Model)],
        LogProbs = [.. answer.Responses.Select(r => r.LogProb)],
        TokenCounts = [.. answer.Responses.Select(r => r.TokenCount)],
        Extra = row.Extra,
    };
}
