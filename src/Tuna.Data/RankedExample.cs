using Tuna.Ranking;

namespace Tuna.Data;

/// <summary>One instruction with N candidate responses and what is known about each: the row of a ranked data set. Immutable.</summary>
/// <remarks>
/// Candidates stand in any order; the score says which is better. A row without scores has been sampled but not ranked yet. Per-candidate
/// lists are either empty (not known) or as long as <see cref="Outputs"/>. Two rows are equal when all their fields are.
/// </remarks>
public sealed record RankedExample
{
    /// <summary>Names the row in errors, journals and splits.</summary>
    public required string Id { get; init; }

    /// <summary>Whether the id is a JSON number (it is written back as one).</summary>
    public bool IdIsNumber { get; init; }

    /// <summary>The instruction.</summary>
    public required string Instruction { get; init; }

    /// <summary>The instruction's input; null or empty when there is none.</summary>
    public string? Input { get; init; }

    /// <summary>The candidate responses, [N].</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];

    /// <summary>The ranker's score of each candidate, [N], finite, higher is better; null where it is missing. Empty when the row is not
    /// ranked.</summary>
    public IReadOnlyList<double?> Scores { get; init; } = [];

    /// <summary>The original response; null when there is none.</summary>
    public string? Reference { get; init; }

    /// <summary>The model that wrote each candidate, [N] or empty.</summary>
    public IReadOnlyList<string?> Models { get; init; } = [];

    /// <summary>Sum over each candidate's tokens of log p(token) under its teacher, in nats, at most 0, [N] or empty.</summary>
    public IReadOnlyList<double?> LogProbs { get; init; } = [];

    /// <summary>Each candidate's length in the teacher's tokens, end-of-sequence included, at least 1, [N] or empty.</summary>
    public IReadOnlyList<int?> TokenCounts { get; init; } = [];

    /// <summary>Other fields of the row, in the file's order.</summary>
    public IReadOnlyList<ExtraField> Extra { get; init; } = [];

    /// <summary>Whether any candidate has a score.</summary>
    public bool IsRanked
    {
        get
        {
            foreach (double? score in Scores)
            {
                if (score is not null)
                    return true;
            }

            return false;
        }
    }

    /// <summary>Indices of the scored candidates, best first; candidates of equal score keep their order.</summary>
    public int[] Order()
    {
        var order = new List<int>(Scores.Count);
        for (int k = 0; k < Scores.Count; k++)
        {
            if (Scores[k] is not null)
                order.Add(k);
        }

        // LINQ's sort is stable, List.Sort is not.
        return [.. order.OrderByDescending(k => Scores[k]!.Value)];
    }

    /// <summary>The row as a question to a ranker.</summary>
    public RankingRequest ToRankingRequest()
    {
        var candidates = new CandidateResponse[Outputs.Count];
        for (int k = 0; k < candidates.Length; k++)
            candidates[k] = new(Outputs[k], At(LogProbs, k), At(TokenCounts, k), k < Models.Count ? Models[k] : null);
        return new(Id, Instruction, Input, candidates, Reference);
    }

    /// <summary>The row with a ranker's scores.</summary>
    /// <exception cref="ArgumentException">The ranking has another number of candidates.</exception>
    public RankedExample WithRanking(RankingResult ranking)
    {
        ArgumentNullException.ThrowIfNull(ranking);
        if (ranking.Scores.Count != Outputs.Count)
            throw new ArgumentException($"Row '{Id}' has {Outputs.Count} candidates, its ranking {ranking.Scores.Count}.", nameof(ranking));
        return this with { Scores = ranking.Scores };
    }

    /// <inheritdoc/>
    public bool Equals(RankedExample? other) => other is not null && Id == other.Id && IdIsNumber == other.IdIsNumber
        && Instruction == other.Instruction && Input == other.Input && Reference == other.Reference
        && Outputs.SequenceEqual(other.Outputs) && Scores.SequenceEqual(other.Scores) && Models.SequenceEqual(other.Models)
        && LogProbs.SequenceEqual(other.LogProbs) && TokenCounts.SequenceEqual(other.TokenCounts) && Extra.SequenceEqual(other.Extra);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Instruction, Input, Outputs.Count);

    private static T? At<T>(IReadOnlyList<T?> list, int k)
        where T : struct => k < list.Count ? list[k] : null;
}
