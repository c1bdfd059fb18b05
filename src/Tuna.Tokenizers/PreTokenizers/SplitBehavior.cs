namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>What becomes of the matches of a split.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Cuts a piece at matches.</summary>
internal static class Splitting
{
    /// <summary>Adds the parts of a piece.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="matches">Places of the matches in the piece, in order, not overlapping.</param>
    /// <param name="behavior">What becomes of the matches.</param>
    /// <param name="invert">Whether what lies between the matches counts as the matches.</param>
    /// <param name="output">Receives the parts; empty ones are left out.</param>
    public static void Cut(Piece piece, List<(int Start, int End)> matches, SplitBehavior behavior, bool invert, List<Piece> output)
    {
        if (behavior == SplitBehavior.Isolated)
        {
            int end = 0;
            foreach ((int start, int stop) in matches)
            {
                Add(piece, end, start, output);
                Add(piece, start, stop, output);
                end = stop;
            }

            Add(piece, end, piece.Length, output);
            return;
        }

        List<(int Start, int End, bool Match)> parts = Parts(piece.Length, matches, invert);
        switch (behavior)
        {
            case SplitBehavior.Removed:
                parts.RemoveAll(p => p.Match);
                break;
            case SplitBehavior.Contiguous:
                parts = Joined(parts, (previous, part) => previous == part);
                break;
            case SplitBehavior.MergedWithPrevious:
                parts = Joined(parts, (previous, part) => part && !previous);
                break;
            default:
                parts.Reverse();
                parts = Joined(parts, (next, part) => part && !next);
                parts.Reverse();
                break;
        }

        foreach ((int start, int stop, _) in parts)
            Add(piece, start, stop, output);
    }

    private static List<(int Start, int End, bool Match)> Parts(int length, List<(int Start, int End)> matches, bool invert)
    {
        var parts = new List<(int, int, bool)>((2 * matches.Count) + 1);
        int end = 0;
        foreach ((int start, int stop) in matches)
        {
            if (start > end)
                parts.Add((end, start, invert));
            parts.Add((start, stop, !invert));
            end = stop;
        }

        if (length > end)
            parts.Add((end, length, invert));
        return parts;
    }

    /// <summary>Joins each part with the one before it where the rule, given whether the two are matches, says so.</summary>
    private static List<(int Start, int End, bool Match)> Joined(List<(int Start, int End, bool Match)> parts, Func<bool, bool, bool> joins)
    {
        var result = new List<(int Start, int End, bool Match)>(parts.Count);
        bool previous = false;
        foreach ((int start, int end, bool match) in parts)
        {
            if (joins(previous, match) && result.Count > 0)
                result[^1] = (Math.Min(result[^1].Start, start), Math.Max(result[^1].End, end), match);
            else
                result.Add((start, end, match));
            previous = match;
        }

        return result;
    }

    private static void Add(Piece piece, int from, int to, List<Piece> output)
    {
        if (to > from)
            output.Add(piece.Slice(from, to));
    }
}
