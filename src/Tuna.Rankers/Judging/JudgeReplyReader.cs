using System.Globalization;
using System.Text.RegularExpressions;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>Reads a judge's reply in the paper's text format: <c>Response k: [sum]</c> lines and a last list <c>rank: [i, j, k, l,
/// m]</c>.</summary>
/// <remarks>
/// Strict about what is ranked, lenient about how it is written. The verdict is the last line of the form <c>rank: [2, 0, 1]</c>; without
/// one the last list with that label; without one the last bracketed list of whole numbers that is not a score line: a list in a note never
/// outweighs a labelled verdict. <c>rank: 2 > 0 > 1</c>, <c>[Response 2, Response 0]</c>, punctuation of full width and LaTeX boxes are
/// understood; a model's thinking is left out. The list must hold every index once and nothing else, except that the judge's own answer
/// (index K) and duplicates may be missing; a candidate is a duplicate when its text repeats that of a ranked one or the reply says so. A
/// list that also stands in the instruction or in a candidate may be an echo of it: then the reply is ambiguous, unless the list carries
/// the row's tag, which no candidate can know.
/// </remarks>
internal static partial class JudgeReplyReader
{
    /// <summary>Reads a reply.</summary>
    /// <param name="reply">The judge's reply, nothing else.</param>
    /// <param name="request">What was judged.</param>
    /// <exception cref="UnreadableReplyException">The reply is not a complete, unambiguous ranking.</exception>
    public static Judgment Read(string reply, RankingRequest request) => Read(reply, request, tag: null);

    internal static Judgment Read(string reply, RankingRequest request, string? tag, bool tagRequired = false)
    {
        ArgumentNullException.ThrowIfNull(reply);
        ArgumentNullException.ThrowIfNull(request);
        reply = ReplyText.WithoutThinking(reply, request);
        string text = ReplyText.Narrow(reply);
        Verdict verdict = Verdict.Find(text, request, tag, tagRequired);
        IReadOnlyList<int> order = RankList.Validate(RankList.Parse(verdict.List), request, text);

        int n = request.Candidates.Count;
        var scores = new double?[n];
        var aspects = new IReadOnlyList<double>?[n];
        ReadScores(text[..verdict.Index], request, tagRequired ? tag : null, scores, aspects);
        return new Judgment(order, scores, aspects, FindReference(reply[..verdict.Index], n));
    }

    private static void ReadScores(string reply, RankingRequest request, string? tag, double?[] scores, IReadOnlyList<double>?[] aspects)
    {
        // A score line in the judged text could be quoted by the judge: then no score line can be trusted, and the order alone is used.
        if (tag is null && ReplyText.Material(request).Any(text => ScoreLine().IsMatch(ReplyText.Narrow(text))))
            return;
        foreach (Match match in ScoreLine().Matches(reply))
        {
            if (!match.Groups["tag"].Value.Equals(tag ?? "", StringComparison.OrdinalIgnoreCase)
                || !int.TryParse(match.Groups["k"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int k) || k >= scores.Length)
                continue;
            (scores[k], aspects[k]) = ScoreText.Parse(match.Groups["value"].Value);
        }
    }

    private static string? FindReference(string reply, int n)
    {
        foreach (Match match in Heading().Matches(reply))
        {
            if (match.Groups["k"].Value != n.ToString(CultureInfo.InvariantCulture))
                continue;
            string text = reply[(match.Index + match.Length)..];
            Match end = ReferenceEnd().Match(text);
            text = (end.Success ? text[..end.Index] : text).Trim();
            if (text.Length > 0)
                return text;
        }

        return null;
    }

    // 'Response 2: [12]', also '12', '12/15', '[4 + 4 + 4 = 12]' and '[4, 4, 4]'; with the row's tag where the prompt asks for it. Not a
    // '###Response 4:' heading.
    [GeneratedRegex(
        @"(?<![#\w])(?<!#[ \t])response[ \t]{0,8}(?<k>[0-9]{1,3})[*_ \t]{0,8}(?<tag>[0-9a-f]{12})?[*_ \t]{0,8}:[*_ \t]{0,8}"
        + @"(?:\[(?<value>[^\[\]\n]*)\]|(?<value>[0-9]{1,2}(?:\.[0-9]{1,3})?(?:[ \t]?/[ \t]?15)?)(?=[*_ \t.]{0,8}\r?$))",
        RegexOptions.IgnoreCase | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ScoreLine();

    [GeneratedRegex(@"#[ \t]{0,8}response[ \t]{0,8}(?<k>[0-9]{1,3})[ \t]{0,8}:?", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^[*_ \t]{0,8}(?:#{1,6}[ \t]{0,8}response|response[ \t]{0,8}[0-9]|rank|third\b|fourth\b|last,)",
        RegexOptions.IgnoreCase | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ReferenceEnd();
}
