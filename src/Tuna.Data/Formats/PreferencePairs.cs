using System.Globalization;
using Tuna.Losses;

namespace Tuna.Data.Formats;

/// <summary>Rows of two candidates from rows of many.</summary>
public static class PreferencePairs
{
    /// <summary>Takes a ranked row apart into pairs, the better candidate first; tied candidates and those without a score make no
    /// pair.</summary>
    /// <param name="row">A ranked row; its pairs are named <c>id/j-k</c> by the candidates' positions in it.</param>
    /// <param name="selection">Which pairs.</param>
    public static IEnumerable<RankedExample> Of(RankedExample row, PairSelection selection = PairSelection.AllPairs)
    {
        ArgumentNullException.ThrowIfNull(row);
        int[] order = row.Order();
        for (int a = 0; a < order.Length; a++)
        {
            for (int b = a + 1; b < order.Length; b++)
            {
                bool wanted = selection switch
                {
                    PairSelection.BestVersusWorst => a == 0 && b == order.Length - 1,
                    PairSelection.BestVersusRest => a == 0,
                    PairSelection.Adjacent => b == a + 1,
                    _ => true,
                };
                if (wanted && row.Scores[order[a]] > row.Scores[order[b]])
                    yield return row.Keep([order[a], order[b]]) with
                    {
                        Id = string.Create(CultureInfo.InvariantCulture, $"{row.Id}/{order[a]}-{order[b]}"),
                        IdIsNumber = false,
                    };
            }
        }
    }
}
