using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>The list of indices that a judge gives, and the checks on it.</summary>
internal static partial class RankList
{
    public static bool IsIntegers(string list) => Integers().IsMatch(list);

    /// <summary>The indices; one too large for an int stays out of range.</summary>
    public static int[] Parse(string list)
    {
        if (!IsIntegers(list))
            throw new UnreadableReplyException($"its ranking [{Shorten(list)}] is not a list of whole numbers with commas between them.");
        return [.. list.Split(',')
            .Select(x => int.TryParse(x, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture,
            out int k) ? k : int.MaxValue)];
    }

    /// <summary>Checks range, repetition and completeness, and takes out the judge's own answer, index K.</summary>
    /// <param name="ranking">Indices as the judge gave them, best first.</param>
    /// <param name="request">What was judged.</param>
    /// <param name="remarks">The text in which the judge may have named duplicates.</param>
    public static IReadOnlyList<int> Validate(IReadOnlyList<int> ranking, RankingRequest request, string remarks)
    {
        int n = request.Candidates.Count;
        var seen = new bool[n + 1];
        var order = new List<int>(n);
        foreach (int k in ranking)
        {
            if (k < 0 || k > n)
                throw new UnreadableReplyException(
                    $"its ranking names Response {(k == int.MaxValue ? "numbers" : k.ToString(CultureInfo.InvariantCulture))} outside 0 "
                    + $"to {n}.");
            if (seen[k])
                throw new UnreadableReplyException($"its ranking names Response {k} twice.");
            seen[k] = true;
            if (k < n)
                order.Add(k);
        }

        for (int k = 0; k < n; k++)
        {
            if (!seen[k] && !RepeatsOneOf(order, k, request) && !IsCalledDuplicate(k, remarks))
                throw new UnreadableReplyException($"its ranking leaves out Response {k}, which is not a duplicate.");
        }

        return order.Count > 0 ? order : throw new UnreadableReplyException("its ranking has none of the responses.");
    }

    private static bool RepeatsOneOf(List<int> ranked, int k, RankingRequest request)
    {
        string text = Normalize(request.Candidates[k].Text);
        return ranked.Exists(j => Normalize(request.Candidates[j].Text) == text);
    }

    private static bool IsCalledDuplicate(int k, string remarks) => remarks.Split('\n').Any(line =>
        Duplicate().IsMatch(line) && !NoDuplicate().IsMatch(line)
            && Regex.IsMatch(line, $"(?<![0-9]){k}(?![0-9])", RegexOptions.CultureInvariant));

    // Letters and digits alone: duplicates often differ in white space and punctuation.
    private static string Normalize(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (char.IsLetterOrDigit(c))
                kept.Append(char.ToLowerInvariant(c));
        }

        return kept.Length > 0 ? kept.ToString() : text.Trim(); // "+" and "-" are different answers
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "...";

    [GeneratedRegex(@"^\s{0,8}[0-9]+(?:\s{0,8},\s{0,8}[0-9]+)*\s{0,8}$", RegexOptions.CultureInvariant)]
    private static partial Regex Integers();

    [GeneratedRegex(@"duplicat|identical|the same as", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Duplicate();

    [GeneratedRegex(@"\b(?:no|not|without|aren't|isn't)\b[^.]{0,30}(?:duplicat|identical|the same as)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NoDuplicate();
}
