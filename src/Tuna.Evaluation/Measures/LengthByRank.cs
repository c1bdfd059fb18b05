using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Evaluation.Measures;

/// <summary>How long responses are by the rank they got: whether a ranker likes long answers.</summary>
/// <param name="Ranks">Per rank, from the best.</param>
/// <param name="Spearman">Mean over rows of Spearman's correlation between score and length, [-1, 1]; NaN when it is defined in no
/// row.</param>
/// <param name="Rows">Rows with at least one score.</param>
public sealed record LengthByRank(IReadOnlyList<RankLength> Ranks, double Spearman, int Rows)
{
    /// <summary>Counts ranked rows.</summary>
    /// <param name="rows">The rows; responses without a score are passed over, those of equal score keep the row's order.</param>
    /// <param name="tokenizer">Counts in its tokens; null counts words (runs of what is not white space).</param>
    public static LengthByRank Of(IEnumerable<RankedExample> rows, ITokenizer? tokenizer = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var byRank = new List<List<int>>();
        var correlations = new List<double>();
        int count = 0;
        foreach (RankedExample row in rows.Where(row => row.Scores.Any(score => score is not null)))
        {
            count++;
            int[] order = [.. Enumerable.Range(0, row.Scores.Count).Where(k => row.Scores[k] is not null)
                .OrderByDescending(k => row.Scores[k])];
            int[] lengths = [.. order.Select(k => tokenizer?.Encode(row.Outputs[k]).Length ?? Words(row.Outputs[k]))];
            for (int rank = 0; rank < lengths.Length; rank++)
            {
                if (byRank.Count == rank)
                    byRank.Add([]);
                byRank[rank].Add(lengths[rank]);
            }

            double correlation = Agreement.Spearman([.. order.Select(k => row.Scores[k]!.Value)],
                [.. lengths.Select(length => (double)length)]);
            if (!double.IsNaN(correlation))
                correlations.Add(correlation);
        }

        return new LengthByRank([.. byRank.Select((lengths, rank) => RankLength.Of(rank + 1, lengths))], correlations.Count == 0
            ? double.NaN : correlations.Average(), count);
    }

    private static int Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
}

/// <summary>The lengths of the responses of one rank.</summary>
/// <param name="Rank">From 1, the best.</param>
/// <param name="Responses">How many.</param>
/// <param name="Mean">Mean length, in tokens or words.</param>
/// <param name="Median">Median length.</param>
public sealed record RankLength(int Rank, int Responses, double Mean, double Median)
{
    internal static RankLength Of(int rank, List<int> lengths)
    {
        lengths.Sort();
        int n = lengths.Count;
        return new RankLength(rank, n, lengths.Average(), (lengths[(n - 1) / 2] + lengths[n / 2]) / 2.0);
    }
}
