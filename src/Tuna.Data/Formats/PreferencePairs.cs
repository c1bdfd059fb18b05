using System.Globalization;

namespace Tuna.Data.Formats;

/// <summary>Rows of two candidates from rows of many.</summary>
public static class PreferencePairs
{
    /// <summary>Takes a ranked row apart into pairs, the better candidate first; tied candidates and those without a score make no pair.</summary>
    /// <param name="row">A ranked row; its pairs are named <c>id/j-k</c> by the candidates' positions in it.</param>
    /// <param name="selection">Which pairs.</param>
    public static IEnumerable<RankedExample> Of(RankedExample row, PairSelection selection = PairSelection.All)
    {
        ArgumentNullException.ThrowIfNull(row);
        int[] order = row.Order();
        for (int a = 0; a < order.Length; a++)
        {
            for (int b = a + 1; b < order.Length; b++)
            {
                bool wanted = selection switch
                {
                    PairSelection.BestAndWorst => a == 0 && b == order.Length - 1,
                    PairSelection.BestAndOthers => a == 0,
                    PairSelection.Neighbours => b == a + 1,
                    _ => true,
                };
                if (wanted && row.Scores[order[a]] > row.Scores[order[b]])
                    yield return row.Keep([order[a], order[b]]) with { Id = string.Create(CultureInfo.InvariantCulture, $"{row.Id}/{order[a]}-{order[b]}"), IdIsNumber = false };
            }
        }
    }
}

/// <summary>Which pairs are made of a ranked row.</summary>
public enum PairSelection
{
    /// <summary>Every pair, N (N - 1) / 2.</summary>
    All,

    /// <summary>The best with the worst.</summary>
    BestAndWorst,

    /// <summary>The best with each other one.</summary>
    BestAndOthers,

    /// <summary>Each with the next in rank.</summary>
    Neighbours,
}
