using System.Globalization;
using System.Text;

namespace Tuna.Data.Formats;

/// <summary>Rankings written as <c>b &gt; a = d &gt; c</c>: best first, <c>=</c> between equals.</summary>
internal static class OrderList
{
    /// <summary>Reads an order as scores: the last group has 0, each better one 1 more.</summary>
    /// <param name="order">The order. An item is a name, or a 0-based position where there are no names.</param>
    /// <param name="count">Number of candidates.</param>
    /// <param name="names">The candidates' names, [count], or empty.</param>
    /// <returns>A score per candidate, [count]; null for one that the order does not name.</returns>
    /// <exception cref="FormatException">An item is empty, unknown or named twice.</exception>
    public static double?[] Parse(string order, int count, IReadOnlyList<string?>? names = null)
    {
        ArgumentNullException.ThrowIfNull(order);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var scores = new double?[count];
        if (string.IsNullOrWhiteSpace(order))
            return scores;
        string[] groups = order.Split('>');
        for (int g = 0; g < groups.Length; g++)
        {
            foreach (string item in groups[g].Split('='))
            {
                int k = Find(item.Trim(), order, count, names);
                if (scores[k] is not null)
                    throw new FormatException($"'{item.Trim()}' stands twice in the order '{order}'.");
                scores[k] = groups.Length - 1 - g;
            }
        }

        return scores;
    }

    /// <summary>Writes scores as an order; candidates without a score are left out.</summary>
    /// <param name="scores">A score per candidate, higher is better.</param>
    /// <param name="names">The candidates' names, or empty for positions.</param>
    public static string Format(IReadOnlyList<double?> scores, IReadOnlyList<string?>? names = null)
    {
        ArgumentNullException.ThrowIfNull(scores);
        int[] order = new RankedExample { Id = "", Instruction = "", Scores = scores }.Order();
        var text = new StringBuilder();
        for (int i = 0; i < order.Length; i++)
        {
            if (i > 0)
                text.Append(scores[order[i]] == scores[order[i - 1]] ? " = " : " > ");
            string? name = names is not null && order[i] < names.Count ? names[order[i]] : null;
            text.Append(name ?? order[i].ToString(CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    private static int Find(string item, string order, int count, IReadOnlyList<string?>? names)
    {
        if (item.Length == 0)
            throw new FormatException($"There is an empty place in the order '{order}'; write it as 'b > a = d > c'.");
        for (int k = 0; names is not null && k < names.Count && k < count; k++)
        {
            if (names[k] == item)
                return k;
        }

        if (int.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out int position) && position < count)
            return position;
        throw new FormatException($"'{item}' in the order '{order}' is neither a candidate's name nor a position from 0 to {count - 1}.");
    }
}
