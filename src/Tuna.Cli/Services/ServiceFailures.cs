using System.Text;
using Tuna.Cli.Files;
using Tuna.Chat.Errors;
using Tuna.Ranking;
using Tuna.Cli.Hosting;
using Tuna.Text;

namespace Tuna.Cli.Services;

/// <summary>What failed rows mean for a stage.</summary>
internal static class ServiceFailures
{
    /// <summary>Why rows could not be ranked, the commonest reason first, and what to do about it.</summary>
    /// <param name="failures">Why rows failed; at least one.</param>
    /// <param name="output">The stage's output, beside which the failures are listed.</param>
    public static string Describe(IReadOnlyCollection<RankingException> failures, string output)
    {
        const int Shown = 3;
        IGrouping<string, RankingException>[] reasons = [.. failures.GroupBy(Kind).OrderByDescending(g => g.Count())];
        IEnumerable<string> lines = reasons.Take(Shown).Select(g => $"{g.Count()}: {ForeignText.Shorten(g.First().Problem, 240)}");
        string more = reasons.Length > Shown ? $" (and {reasons.Length - Shown} other reasons)" : "";
        // What a row lacks, a repetition does not give it; what a judge at temperature 0 said, it says again, and the journal knows it.
        bool mayHelp = failures.Any(f => f.Reason is RankingFailure.ServiceError or RankingFailure.Unexpected);
        string advice = mayHelp ? "; run the same command again to retry what the service failed" : "";
        return $"{failures.Count} rows could not be ranked. {string.Join(" ", lines)}{more} Each row's reason is in {FailureFile.PathFor(output)}{advice}.";
    }

    // Rows that failed for one reason differ in their numbers and quotations only.
    private static string Kind(RankingException failure)
    {
        var kind = new StringBuilder(failure.Reason.ToString());
        foreach (char c in failure.Problem.Split('\n')[0].Take(200).Where(c => !char.IsAsciiDigit(c)))
            kind.Append(c);
        return kind.ToString();
    }

    /// <summary>Ends the stage without an output when no further row can succeed, so that nobody takes a part for the whole.</summary>
    /// <param name="failures">Why rows failed.</param>
    /// <param name="done">Rows that this run did.</param>
    /// <param name="output">The output to be.</param>
    public static void StopIfNeeded(IReadOnlyCollection<RankingException> failures, int done, string output)
    {
        if (done == 0 && failures.Count > 0 && failures.All(f => f.Reason == RankingFailure.ServiceError))
            throw new StageException($"The service answered none of {failures.Count} rows. {failures.First().Message}", ExitCodes.Service, failures.First());
        if (failures.FirstOrDefault(f => f.Reason == RankingFailure.Stopped) is { } stop)
            throw new StageException($"{stop.Message.TrimEnd('.')}.{KeyAdvice(failures)} Finished rows are kept; mend the cause and run the same command again.", ExitCodes.Service, stop);
        if (failures.FirstOrDefault(f => f.Reason == RankingFailure.BudgetExhausted) is { } broke)
            throw new StageException($"{broke.Message} Finished rows are kept, and what was paid for is in {output}.calls.jsonl. Run the same command with a larger budget to go on.", ExitCodes.Budget, broke);
    }

    // Rows that were not tried name the row that was; what the service itself threw stands behind that one.
    private static string KeyAdvice(IEnumerable<Exception> failures) => failures.SelectMany(Chain).Any(e => e is ChatServiceException { Error.Status: 401 })
        ? $" The service refuses the key: check {ServiceOptions.KeyVariable}, and that it belongs to the service at --base-url."
        : "";

    private static IEnumerable<Exception> Chain(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
            yield return e;
    }
}
