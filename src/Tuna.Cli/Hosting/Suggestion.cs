namespace Tuna.Cli.Hosting;

/// <summary>What a person may have meant by a word that is not known.</summary>
internal static class Suggestion
{
    /// <summary>" Did you mean 'train'?", or nothing where no name is near.</summary>
    public static string For(string word, IEnumerable<string> names)
    {
        string? nearest = Nearest(word, names);
        return nearest is null ? "" : $" Did you mean '{nearest}'?";
    }

    /// <summary>The name that differs least from a word, by at most a third of its letters; null where there is none.</summary>
    public static string? Nearest(string word, IEnumerable<string> names)
    {
        string bare = word.TrimStart('-').ToLowerInvariant();
        (string Name, int Distance) best = names
            .Select(name => (name, Distance(bare, name.TrimStart('-').ToLowerInvariant())))
            .OrderBy(pair => pair.Item2)
            .FirstOrDefault();
        return best.Name is not null && best.Distance <= Math.Max(1, bare.Length / 3) ? best.Name : null;
    }

    /// <summary>Letters to insert, delete, replace or swap with a neighbour: Damerau and Levenshtein's distance, each place changed
    /// once.</summary>
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
