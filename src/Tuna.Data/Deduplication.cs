namespace Tuna.Data;

/// <summary>Removes repeated instructions from data sets and repeated candidates from rows.</summary>
public static class Deduplication
{
    /// <summary>The rows whose instruction (with its input) has not come before; the first of each stays.</summary>
    /// <param name="rows">The rows; they are read as the result is taken.</param>
    /// <param name="match">When two instructions are taken for one.</param>
    /// <param name="threshold">For <see cref="DuplicateMatch.Near"/>: least ROUGE-L F, (0, 1].</param>
    /// <param name="removed">Told the id of each row that is left out and the id of the row it repeats.</param>
    public static IEnumerable<RankedExample> DistinctRows(IEnumerable<RankedExample> rows, DuplicateMatch match = DuplicateMatch.Normalized,
        double threshold = 0.7, Action<string, string>? removed = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var seen = new TextDuplicates(match, threshold);
        return Rows();

        IEnumerable<RankedExample> Rows()
        {
            var ids = new List<string>();
            foreach (RankedExample row in rows)
            {
                if (removed is not null)
                    ids.Add(row.Id);
                int earlier = seen.FindOrAdd(string.IsNullOrEmpty(row.Input) ? row.Instruction : row.Instruction + "\n" + row.Input);
                if (earlier < 0)
                    yield return row;
                else
                    removed?.Invoke(row.Id, ids[earlier]);
            }
        }
    }

    /// <summary>The row without candidates that repeat a better one; candidates that stay keep their places, and without scores the first
    /// of equals stays.</summary>
    /// <param name="row">The row.</param>
    /// <param name="match">When two responses are taken for one.</param>
    /// <param name="threshold">For <see cref="DuplicateMatch.Near"/>: least ROUGE-L F, (0, 1].</param>
    public static RankedExample DistinctCandidates(RankedExample row, DuplicateMatch match = DuplicateMatch.Exact, double threshold = 0.8)
    {
        ArgumentNullException.ThrowIfNull(row);
        var seen = new TextDuplicates(match, threshold);
        int[] ranked = row.Order();
        IEnumerable<int> bestFirst = ranked.Concat(Enumerable.Range(0, row.Outputs.Count).Except(ranked));
        int[] kept = [.. bestFirst.Where(k => seen.FindOrAdd(row.Outputs[k]) < 0).Order()];
        return kept.Length == row.Outputs.Count ? row : row.Keep(kept);
    }
}
