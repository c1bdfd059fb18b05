using Tuna.Data;

namespace Tuna.Evaluation.Measures;

/// <summary>How far two rankings of the same responses agree, row by row (Appendix G of the paper compares its judge with people
/// so).</summary>
/// <param name="Measures">Agreement over the rows that both rank, the first ranking being the judge.</param>
/// <param name="Issues">Rows that could not be compared, and why.</param>
public sealed record RankingAgreement(RankerEvaluation Measures, IReadOnlyList<string> Issues)
{
    /// <summary>Compares two rankings by the rows' ids; responses that one of them gives no score are passed over.</summary>
    /// <param name="first">The one taken as the truth, such as people's.</param>
    /// <param name="second">The other, such as a judge's.</param>
    /// <param name="cancellationToken">Stops between rows.</param>
    /// <exception cref="ArgumentException">An id is there twice in one of them.</exception>
    public static RankingAgreement Of(IEnumerable<RankedExample> first, IEnumerable<RankedExample> second,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        Dictionary<string, RankedExample> others = ById(second, "second");
        var measures = new RankerEvaluation();
        var issues = new List<string>();
        foreach (RankedExample row in ById(first, "first").Values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!others.Remove(row.Id, out RankedExample? other))
            {
                issues.Add($"row '{row.Id}' is in the first ranking alone.");
                continue;
            }

            if (!row.Outputs.SequenceEqual(other.Outputs))
            {
                issues.Add($"row '{row.Id}' has other responses, or another order of them, in the second ranking.");
                continue;
            }

            int[] both = [.. Enumerable.Range(0, Math.Min(row.Scores.Count, other.Scores.Count))
                .Where(k => row.Scores[k] is not null && other.Scores[k] is not null)];
            if (both.Length < 2)
                issues.Add($"row '{row.Id}' has {both.Length} responses that both rankings score; two are needed.");
            else
                measures.Add([.. both.Select(k => row.Outputs[k])], [.. both.Select(k => row.Scores[k]!.Value)],
                    [.. both.Select(k => other.Scores[k]!.Value)]);
        }

        issues.AddRange(others.Keys.Order(StringComparer.Ordinal).Select(id => $"row '{id}' is in the second ranking alone."));
        return new RankingAgreement(measures, issues);
    }

    private static Dictionary<string, RankedExample> ById(IEnumerable<RankedExample> rows, string which)
    {
        var byId = new Dictionary<string, RankedExample>(StringComparer.Ordinal);
        foreach (RankedExample row in rows)
        {
            if (!byId.TryAdd(row.Id, row))
                throw new ArgumentException($"The {which} ranking has the row '{row.Id}' twice.");
        }

        return byId;
    }
}
