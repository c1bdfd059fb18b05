using System.Globalization;

namespace Tuna.Tokenizers.Unicode;

/// <summary>A set of code points, as ranges.</summary>
internal sealed class CodePointSet
{
    private readonly List<(int First, int Last)> _ranges = [];

    /// <summary>Reads ascending hexadecimal code points and ranges, separated by white space.</summary>
    public static CodePointSet Parse(string text)
    {
        var set = new CodePointSet();
        foreach (string item in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = item.Split('-');
            set._ranges.Add((Hex(ends[0]), Hex(ends[^1])));
        }

        return set;
    }

    public bool Contains(int point)
    {
        int low = 0, high = _ranges.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (point < _ranges[middle].First)
                high = middle - 1;
            else if (point > _ranges[middle].Last)
                low = middle + 1;
            else
                return true;
        }

        return false;
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
