using System.Globalization;
using Tuna.Chat;
using Tuna.Chat.Journaling;
using Tuna.Cli.Recipes;

namespace Tuna.Cli.Rounds;

/// <summary>One budget for all paid stages of all rounds: each gets what the others have left.</summary>
/// <param name="Work">The folder of the rounds.</param>
/// <param name="Tokens">Most tokens; null for no limit.</param>
/// <param name="Money">Most money; null for no limit.</param>
/// <param name="Sampler">What the sampler's tokens cost.</param>
/// <param name="Judge">What the judge's tokens cost.</param>
internal sealed record SharedBudget(string Work, long? Tokens, decimal? Money, TokenPrices Sampler, TokenPrices Judge)
{
    private const string Journal = ".calls.jsonl";

    // A budget is above 0. With the least there is, a stage takes what its journal holds and is refused the first new call.
    private const decimal LeastMoney = 0.000001m;

    /// <summary>The options by which a stage keeps to it.</summary>
    public IEnumerable<string> OptionsFor(PlannedStage stage)
    {
        if (!stage.IsPaid)
            return [];
        // A stage counts what its own journal holds by itself.
        string own = Path.GetFullPath(stage.Output + Journal);
        CallUsage others = Journals(Work).Where(file => Path.GetFullPath(file) != own).Select(Spent).Aggregate(CallUsage.None, Sum);
        var options = new List<string>();
        if (Tokens is { } tokens)
            options.AddRange("--budget-tokens", Text(Math.Max(1, tokens - others.InputTokens - others.OutputTokens)));
        if (Money is { } money && PricesOf(own) != TokenPrices.None)
            options.AddRange("--budget", Text(Math.Max(LeastMoney, money - others.Cost)));
        return options;
    }

    /// <summary>What a round has spent.</summary>
    public CallUsage SpentIn(RoundFolder round) =>
        Directory.Exists(round.Folder) ? Journals(round.Folder).Select(Spent).Aggregate(CallUsage.None, Sum) : CallUsage.None;

    private static CallUsage Sum(CallUsage a, CallUsage b) => a.Add(b);

    private static IEnumerable<string> Journals(string folder) =>
        Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "*" + Journal, SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [];

    private CallUsage Spent(string file)
    {
        using CallJournal journal = CallJournal.Open(file);
        return journal.Usage(PricesOf(file));
    }

    private TokenPrices PricesOf(string journal) =>
        Path.GetFileName(journal).StartsWith("samples.", StringComparison.Ordinal) ? Sampler : Judge;

    private static string Text<T>(T value)
        where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
}
