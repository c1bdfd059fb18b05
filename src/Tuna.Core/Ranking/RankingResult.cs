namespace Tuna.Ranking;

/// <summary>The result of ranking one row.</summary>
/// <remarks>A score never contradicts the order: along <see cref="Order"/> the scores do not increase. Equal scores are ties, and losses
/// skip tied pairs.</remarks>
public sealed record RankingResult
{
    /// <summary>Score of each candidate in the request's order, higher is better; null for one that the ranker dropped (a duplicate),
    /// [K].</summary>
    public required IReadOnlyList<double?> Scores { get; init; }

    /// <summary>Indices into the request's candidates, best first; dropped ones are absent.</summary>
    public required IReadOnlyList<int> Order { get; init; }

    /// <summary>What the ranking cost; answers that were already on disk or in memory cost nothing.</summary>
    public RankingUsage Usage { get; init; } = RankingUsage.None;

    /// <summary>Agreement of repeated judgments (Kendall's W), [0, 1]; null when there was one.</summary>
    public double? Consistency { get; init; }

    /// <summary>Scores per aspect of each candidate, 0 to 5 each, in the prompt's order of aspects, [K][3]; null when the judge gave none,
    /// a null row where it gave none for that candidate.</summary>
    public IReadOnlyList<IReadOnlyList<double>?>? AspectScores { get; init; }

    /// <summary>Entry [i][j]: the share of repeated judgments that placed candidate i above candidate j, [K][K], [0, 1]; null when there
    /// was one judgment. NaN where none compared the two.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? PairSupport { get; init; }

    /// <summary>The judge's own answer, written as a yardstick; never a candidate. Null when it gave none.</summary>
    public string? JudgeReference { get; init; }
}
