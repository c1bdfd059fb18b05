using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>Prepares a judge's reply for reading.</summary>
internal static class ReplyText
{
    private const string ThinkingBegin = "<think";
    private const string ThinkingEnd = "</think";

    /// <summary>The reply behind the model's thinking, which some servers leave in it: a guess there is no verdict.</summary>
    /// <exception cref="UnreadableReplyException">The reply ends inside its thinking.</exception>
    public static string WithoutThinking(string reply, RankingRequest request)
    {
        bool begins = reply.AsSpan().TrimStart().StartsWith(ThinkingBegin, StringComparison.OrdinalIgnoreCase);
        int end = reply.IndexOf(ThinkingEnd, StringComparison.OrdinalIgnoreCase);
        if (begins && end < 0)
            throw new UnreadableReplyException("it ends inside its own thinking, before any ranking.");
        // Without its begin the mark may be a quotation of what is judged.
        if (end < 0 || (!begins && Material(request).Any(text => text.Contains(ThinkingEnd, StringComparison.OrdinalIgnoreCase))))
            return reply;
        int close = reply.IndexOf('>', end);
        return close < 0 ? reply : reply[(close + 1)..];
    }

    /// <summary>The text with the punctuation of full width that East Asian models use as ASCII, character by character, so that places
    /// stay the same.</summary>
    public static string Narrow(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (int i = 0; i < span.Length; i++)
        {
            span[i] = source[i] switch
            {
                '\uFF1A' => ':',
                '\uFF0C' or '\u3001' => ',',
                '\uFF1B' => ';',
                '\uFF1D' => '=',
                '\uFF3B' or '\u3010' => '[',
                '\uFF3D' or '\u3011' => ']',
                '\uFF1E' or '\u227B' or '\u203A' => '>',
                '\uFF0F' => '/',
                '\u00A0' or '\u3000' => ' ',
                >= '\uFF10' and <= '\uFF19' and var digit => (char)(digit - '\uFF10' + '0'),
                var c => c,
            };
        }
    });

    /// <summary>Everything that is judged, and that a reply may quote.</summary>
    public static IEnumerable<string> Material(RankingRequest request) =>
        request.Candidates.Select(c => c.Text).Append(request.Instruction).Append(request.Input ?? "");
}
