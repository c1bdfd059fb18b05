using System.Text.RegularExpressions;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>A list in a reply that may be the judge's ranking.</summary>
/// <param name="Index">Where it begins, its label included.</param>
/// <param name="List">What stands between its brackets, with commas between the items.</param>
/// <param name="Weight">How plainly it is the ranking.</param>
/// <param name="Tag">The tag beside its label; empty when there is none.</param>
internal sealed partial record Verdict(int Index, string List, VerdictWeight Weight, string Tag)
{
    // What may stand before a label on its line, so that the line is the verdict and not a sentence that mentions one.
    private const string LeadingWords =
        "final|overall|my|the|so|thus|therefore|hence|last|lastly|finally|fifth|step|answer|verdict|complete|full|resulting|here|is|and|"
        + "order|output|result";

    /// <summary>The lists of a reply, in the order they stand in.</summary>
    /// <param name="text">The reply, narrowed (<see cref="ReplyText.Narrow"/>).</param>
    public static IEnumerable<Verdict> FindAll(string text)
    {
        foreach (Match match in Lists().Matches(text))
        {
            bool labelled = match.Groups["label"].Success;
            string list = labelled ? Items(match.Groups["list"].Value) : match.Groups["list"].Value;
            if (match.Groups["score"].Success || (!labelled && !RankList.IsIntegers(list)))
                continue;
            bool bare = match.Groups["bare"].Success;
            bool line = labelled && BeginsLine(text, match.Index) && EndsLine(text, match.Index + match.Length);
            if (bare && !line)
                continue; // 'rank: 1, 2 and 3 are close' is a sentence
            yield return new Verdict(match.Index, list, line
                ? VerdictWeight.Line : labelled ? VerdictWeight.Label : VerdictWeight.List, match.Groups["tag"].Value);
        }
    }

    /// <summary>The ranking of a reply: the last list with the row's tag; else the last whole line of the form <c>rank: ...</c>; else the
    /// last list with that label; else the last list.</summary>
    /// <exception cref="UnreadableReplyException">There is none, or it may be a quotation.</exception>
    public static Verdict Find(string text, RankingRequest request, string? tag, bool tagRequired)
    {
        Verdict? best = null;
        Verdict? tagged = null;
        foreach (Verdict verdict in FindAll(text))
        {
            if (best is null || verdict.Weight >= best.Weight)
                best = verdict;
            if (tag is not null && verdict.Weight > VerdictWeight.List && verdict.Tag.Equals(tag, StringComparison.OrdinalIgnoreCase))
                tagged = verdict;
        }

        if (tagged is not null)
            return tagged;
        if (tagRequired)
            throw new UnreadableReplyException($"it has no line 'rank {tag}: [...]'.");
        if (best is null)
            throw new UnreadableReplyException("it has no ranking of the form 'rank: [...]'.");
        if (RankList.IsIntegers(best.List) && IsQuoted(best, request))
            throw new UnreadableReplyException("its ranking also stands in the text that is judged, so it may be a quotation.");
        return best;
    }

    private static bool IsQuoted(Verdict verdict, RankingRequest request)
    {
        int[] ranking = RankList.Parse(verdict.List);
        return ReplyText.Material(request).Any(text => FindAll(ReplyText.Narrow(text)).Any(v =>
            RankList.IsIntegers(v.List) && RankList.Parse(v.List).AsSpan().SequenceEqual(ranking)));
    }

    // 'Response 2 > Response 0' and '2; 0' are '2, 0'; LaTeX's commands are no items.
    private static string Items(string list) => Command().Replace(ItemName().Replace(list, ""), "").Replace('>', ',').Replace(';', ',');

    private static bool BeginsLine(string text, int index)
    {
        int start = index == 0 ? 0 : text.LastIndexOf('\n', index - 1) + 1;
        return index - start <= 80 && Leading().IsMatch(text[start..index]);
    }

    private static bool EndsLine(string text, int index)
    {
        int end = text.IndexOf('\n', index);
        ReadOnlySpan<char> rest = text.AsSpan(index..(end < 0 ? text.Length : end)).Trim(" \t\r*_`\"'$})\\]");
        return rest.IsEmpty || rest[0] is '.' or ';' or '(' or '[' or '-' or '#' or '|' or ',' or '}' or '\u2013' or '\u2014';
    }

    // An optional label, 'rank:' or 'Response k:', and a bracketed list; after 'rank:' also a list without brackets. Emphasis, quotes and
    // LaTeX around the label are allowed. Runs are bounded, so that hostile text cannot make the matching slow.
    [GeneratedRegex(
        """(?:(?<label>\brank(?:ing)?\b(?:[ \t]order)?["'*_ \t]{0,8}(?<tag>[0-9a-f]{12})?["'*_ \t]{0,8}(?:[:=]|\r?\n)"""
        + """(?:["'*_`$({\s]|\\(?:boxed|text|mathbf|mathrm|left|\(|,)|\\(?=\[)){0,24})"""
        + """|(?<score>\bresponse[ \t]{0,8}[0-9]{1,3}[*_ \t]{0,8}(?:[0-9a-f]{12})?[*_ \t]{0,8}:?[*_ \t]{0,8}))?"""
        + """(?:\[(?<list>[^\[\]]*)\]|(?(label)(?<bare>(?<list>(?:response[ \t]{0,4})?[0-9]{1,3}"""
        + """(?:[ \t]{0,4}[>,][ \t]{0,4}(?:response[ \t]{0,4})?[0-9]{1,3}){1,16}))|(?!)))""",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Lists();

    [GeneratedRegex(@"(?:\b(?:response|candidate|answer)[ \t]{0,4})?#(?=[0-9])|\b(?:response|candidate|answer)[ \t]{0,4}(?=[0-9])",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ItemName();

    [GeneratedRegex(@"\\[a-z]{1,12}", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Command();

    [GeneratedRegex(@"^(?:[^\p{L}\p{N}]|[0-9]{1,2}[.)]|\b(?:" + LeadingWords + @")\b)*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Leading();
}

/// <summary>How plainly a list is the judge's ranking.</summary>
internal enum VerdictWeight
{
    /// <summary>A list of whole numbers somewhere in the reply.</summary>
    List,

    /// <summary>A list behind the label <c>rank:</c> within a sentence.</summary>
    Label,

    /// <summary>A line of its own of the form <c>rank: ...</c>.</summary>
    Line,
}
