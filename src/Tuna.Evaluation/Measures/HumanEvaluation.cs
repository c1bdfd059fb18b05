using System.Text.Json;
using Tuna.Data;
using Tuna.Evaluation.Statistics;

namespace Tuna.Evaluation.Measures;

/// <summary>One person's ranking of the systems' answers to one question.</summary>
/// <param name="ItemId">The question.</param>
/// <param name="Annotator">Who ranked; null when it is not recorded.</param>
/// <param name="Ranks">Each system's rank, 1 being the best; ties share a rank.</param>
public sealed record HumanRanking(string ItemId, string? Annotator, IReadOnlyDictionary<string, int> Ranks)
{
    /// <summary>Reads rankings: a row has <c>id</c> (one per ranking), <c>item</c>, optional <c>annotator</c>, and <c>ranks</c>, an object
    /// from system to rank.</summary>
    /// <param name="path">The file.</param>
    /// <param name="issues">Receives rows that cannot be used, and why; null makes them errors.</param>
    public static IReadOnlyList<HumanRanking> Load(string path, ICollection<string>? issues = null) =>
        ObjectRows.Read(path, issues, "id", Read);

    private static HumanRanking Read(ObjectRow row)
    {
        if (!row.Element.TryGetProperty("ranks", out JsonElement ranks) || ranks.ValueKind != JsonValueKind.Object)
            throw row.Context.Error("expected an object from system to rank.", "ranks");
        var bySystem = new Dictionary<string, int>(StringComparer.Ordinal);
        int systems = ranks.EnumerateObject().Count();
        foreach (JsonProperty rank in ranks.EnumerateObject())
        {
            if (rank.Value.ValueKind != JsonValueKind.Number || !rank.Value.TryGetInt32(out int value) || value < 1 || value > systems)
                throw row.Context.Error($"the rank of '{rank.Name}' is no whole number in [1, {systems}].", "ranks");
            if (!bySystem.TryAdd(rank.Name, value))
                throw row.Context.Error($"'{rank.Name}' is ranked twice.", "ranks");
        }

        string? annotator = row.Element.TryGetProperty("annotator", out JsonElement who) && who.ValueKind == JsonValueKind.String
            ? who.GetString() : null;
        return new HumanRanking(row.String("item"), annotator, bySystem);
    }
}

/// <summary>Scores of a human evaluation: rank i of N gives N + 1 - i points (of five systems, 6 - i), as in the paper.</summary>
/// <param name="Systems">Best first.</param>
/// <param name="Comparisons">Every system with each one below it: the paired bootstrap over questions.</param>
/// <param name="Items">Questions.</param>
/// <param name="Rankings">Rankings, of all annotators.</param>
/// <param name="Issues">Rankings that could not be used, and why.</param>
public sealed record HumanEvaluation(
    IReadOnlyList<HumanScore> Systems,
    IReadOnlyList<(string Better, string Worse, PairedComparison Comparison)> Comparisons,
    int Items,
    int Rankings,
    IReadOnlyList<string> Issues)
{
    /// <summary>Scores rankings.</summary>
    /// <param name="rankings">The rankings; each ranks the same systems as the first.</param>
    /// <param name="samples">Resamples of the significance test, at least 1.</param>
    /// <param name="seed">Its seed.</param>
    /// <exception cref="ArgumentException">There is no ranking.</exception>
    public static HumanEvaluation Of(IReadOnlyCollection<HumanRanking> rankings, int samples = 10_000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(rankings);
        string[] names = [.. rankings.FirstOrDefault()?.Ranks.Keys.Order(StringComparer.Ordinal)
            ?? throw new ArgumentException("There is no ranking.", nameof(rankings))];
        var issues = new List<string>();
        var used = new List<HumanRanking>();
        foreach (HumanRanking ranking in rankings)
        {
            if (ranking.Ranks.Keys.Order(StringComparer.Ordinal).SequenceEqual(names))
                used.Add(ranking);
            else
                issues.Add(
                    $"item '{ranking.ItemId}', annotator '{ranking.Annotator}': ranks "
                    + $"{string.Join(", ", ranking.Ranks.Keys.Order(StringComparer.Ordinal))}, not {string.Join(", ", names)}.");
        }

        // Annotators of one question are not independent: the question is what is resampled.
        IGrouping<string, HumanRanking>[] items = [.. used.GroupBy(ranking => ranking.ItemId)];
        Dictionary<string, double[]> points = names.ToDictionary(
            name => name,
            name => items.Select(item => item.Average(ranking => (double)(names.Length + 1 - ranking.Ranks[name]))).ToArray());
        HumanScore[] systems =
        [
            .. names.Select(name => new HumanScore(
                name,
                points[name].Average(),
                used.Average(ranking => ranking.Ranks[name]),
                used.Count(ranking => ranking.Ranks[name] == 1) / (double)used.Count)).OrderByDescending(score => score.Points),
        ];
        return new HumanEvaluation(
            systems,
            [
                .. systems.SelectMany((better, i) => systems.Skip(i + 1).Select(worse =>
                    (better.System, worse.System, Bootstrap.Paired(points[better.System], points[worse.System], samples, seed)))),
            ],
            items.Length,
            used.Count,
            issues);
    }
}

/// <summary>One system's score in a human evaluation.</summary>
/// <param name="System">The system.</param>
/// <param name="Points">Mean points over questions (over annotators first), in [1, N].</param>
/// <param name="MeanRank">Mean rank over rankings, in [1, N].</param>
/// <param name="FirstShare">Share of rankings in which it is first, [0, 1].</param>
public sealed record HumanScore(string System, double Points, double MeanRank, double FirstShare);
