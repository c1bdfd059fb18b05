using Tuna.Chat.Errors;
using Tuna.Ranking;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Services;

/// <summary>What failed rows mean for a stage.</summary>
internal static class ServiceFailures
{
    /// <summary>Ends the stage without an output when no further row can succeed, so that nobody takes a part for the whole.</summary>
    /// <param name="failures">Why rows failed.</param>
    /// <param name="done">Rows that this run did.</param>
    /// <param name="output">The output to be.</param>
    public static void StopIfNeeded(IReadOnlyCollection<RankingException> failures, int done, string output)
    {
        if (done == 0 && failures.Count > 0 && failures.All(f => f.Reason == RankingFailure.ServiceError))
            throw new StageException($"The service answered none of {failures.Count} rows. {failures.First().Message}", ExitCodes.Service,
                failures.First());
        if (failures.FirstOrDefault(f => f.Reason == RankingFailure.Stopped) is { } stop)
            throw new StageException(
                $"{stop.Message.TrimEnd('.')}.{KeyAdvice(failures)} Finished rows are kept; mend the cause and run the same command again.",
                ExitCodes.Service, stop);
        if (failures.FirstOrDefault(f => f.Reason == RankingFailure.BudgetExhausted) is { } broke)
            throw new StageException(
                $"{broke.Message} Finished rows are kept, and what was paid for is in {output}.calls.jsonl. Run the same command with a "
                + $"larger budget to go on.", ExitCodes.Budget, broke);
    }

    // Rows that were not tried name the row that was; what the service itself threw stands behind that one.
    private static string KeyAdvice(IEnumerable<Exception> failures) =>
        failures.SelectMany(Chain).Any(e => e is ChatServiceException { Error.Status: 401 })
        ? $" The service refuses the key: check {ServiceOptions.KeyVariable}, and that it belongs to the service at --base-url."
        : "";

    private static IEnumerable<Exception> Chain(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
            yield return e;
    }
}
