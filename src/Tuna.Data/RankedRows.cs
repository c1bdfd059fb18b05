using Tuna.Data.Formats;

namespace Tuna.Data;

/// <summary>Rows from rows: choosing candidates, and from a ranking to instruction tuning.</summary>
public static class RankedRows
{
    /// <summary>The row with some of its candidates, in the order given, and all that is known about each.</summary>
    /// <param name="row">The row.</param>
    /// <param name="candidates">Indices into its candidates.</param>
    public static RankedExample Keep(this RankedExample row, IReadOnlyList<int> candidates)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(candidates);
        return row with
        {
            Outputs = Pick(row.Outputs, candidates),
            Scores = Pick(row.Scores, candidates),
            Models = Pick(row.Models, candidates),
            LogProbs = Pick(row.LogProbs, candidates),
            TokenCounts = Pick(row.TokenCounts, candidates),
            Extra = CandidateNotes.Keep(row.Extra, row.Outputs.Count, candidates),
        };
    }

    /// <summary>The row with at most N candidates, spread evenly from the best to the worst, both included; unscored ones go first of
    /// all.</summary>
    /// <remarks>For data with unequal numbers of candidates. The candidates that stay keep their places.</remarks>
    /// <param name="row">The row.</param>
    /// <param name="most">N, >= 1.</param>
    public static RankedExample Limit(this RankedExample row, int most)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        if (row.Outputs.Count <= most)
            return row;
        int[] order = row.Order();
        if (order.Length == 0)
            return row.Keep([.. Enumerable.Range(0, most)]);
        int n = Math.Min(most, order.Length);
        IEnumerable<int> kept = n == 1
            ? [order[0]] : Enumerable.Range(0, n).Select(i => order[(int)((((long)i * (order.Length - 1) * 2) + n - 1) / (2 * (n - 1)))]);
        return row.Keep([.. kept.Order()]);
    }

    /// <summary>The row with scores that are nearly equal made equal: a candidate less than <paramref name="within"/> below the best of its
    /// tie joins it.</summary>
    /// <remarks>Judges' scores differ by noise; tied candidates teach nothing against each other.</remarks>
    /// <param name="row">The row.</param>
    /// <param name="within">The smallest difference that counts, >= 0.</param>
    public static RankedExample Tie(this RankedExample row, double within)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentOutOfRangeException.ThrowIfNegative(within);
        double?[] scores = [.. row.Scores];
        double top = double.PositiveInfinity;
        foreach (int k in row.Order())
        {
            if (top - scores[k]!.Value < within)
                scores[k] = top;
            else
                top = scores[k]!.Value;
        }

        return row with { Scores = scores };
    }

    /// <summary>Instruction-tuning rows from a ranked row: one per candidate (the paper's Alpaca-Mul), or the best alone.</summary>
    /// <param name="row">The row.</param>
    /// <param name="bestOnly">Whether to give the best candidate alone; an only candidate is the best without a score; nothing when there
    /// are several and none is ranked.</param>
    /// <remarks>A row without candidates gives its reference response: so do rows that were read from instruction data.</remarks>
    public static IEnumerable<InstructionExample> Instructions(this RankedExample row, bool bestOnly = false)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (row.Outputs.Count == 0)
            return row.Reference is { } reference ? [Instruction(row.Id, row.IdIsNumber, reference)] : [];
        IEnumerable<int> candidates = bestOnly && row.Outputs.Count > 1 ? row.Order().Take(1) : Enumerable.Range(0, row.Outputs.Count);
        return candidates.Select(k => bestOnly
            ? Instruction(row.Id, row.IdIsNumber, row.Outputs[k]) : Instruction($"{row.Id}/{k}", false, row.Outputs[k]));

        InstructionExample Instruction(string id, bool idIsNumber, string response) => new()
        {
            Id = id,
            IdIsNumber = idIsNumber,
            Instruction = row.Instruction,
            Input = row.Input ?? "",
            Output = response,
            Extra = row.Extra,
        };
    }

    private static T[] Pick<T>(IReadOnlyList<T> list, IReadOnlyList<int> indices) =>
        list.Count == 0 ? [] : [.. indices.Select(k => list[k])];
}
