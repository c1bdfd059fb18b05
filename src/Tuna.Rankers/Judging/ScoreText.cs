using System.Globalization;

namespace Tuna.Rankers.Judging;

/// <summary>The value of a score line: a total of 0 to 15, three aspects of 0 to 5, or a sum of them.</summary>
internal static class ScoreText
{
    public const int Aspects = 3;
    public const double MaxAspect = 5;
    public const double MaxTotal = Aspects * MaxAspect;

    /// <summary>The total and the aspects; nulls for what is not there or out of range (a wrong score costs the score, not the
    /// ranking).</summary>
    public static (double? Total, IReadOnlyList<double>? Aspects) Parse(string value)
    {
        int equals = value.LastIndexOf('=');
        double? stated = equals >= 0 ? Number(value[(equals + 1)..]) : null;
        string[] parts = (equals >= 0 ? value[..equals] : value).Split(['+', ',', ';']);
        if (parts.Length == 1)
        {
            double? total = stated ?? Number(parts[0].Split('/')[0]);
            return total is >= 0 and <= MaxTotal ? (total, null) : (null, null);
        }

        double?[] numbers = Array.ConvertAll(parts, Number);
        if (numbers.Length != Aspects || numbers.Any(x => x is not (>= 0 and <= MaxAspect)))
            return stated is >= 0 and <= MaxTotal ? (stated, null) : (null, null);
        double[] aspects = Array.ConvertAll(numbers, x => x!.Value);
        return (aspects.Sum(), aspects); // judges add wrongly more often than they rate wrongly
    }

    private static double? Number(string text) =>
        double.TryParse(text.Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double x) ? x : null;
}
