using System.Globalization;
using System.Text;
using Microsoft.Extensions.AI;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>The questions of the paper's prompt for data that is not trusted, with the three aspects asked one by one.</summary>
/// <remarks>
/// Everything that is judged stands between marks that carry the row's tag, a hash of that very text, so that no response can close its own
/// mark; the judge is told that nothing between the marks is addressed to it, and only lines that carry the tag are read. Not the paper's
/// wording: use
/// <see cref="PaperPrompt"/> to reproduce its data.
/// </remarks>
public sealed class HardenedPrompt : JudgePrompt
{
    /// <summary>The shared instance (it has no state).</summary>
    public static HardenedPrompt Instance { get; } = new();

    /// <inheritdoc/>
    public override string Version => "tuna-hardened-1";

    /// <inheritdoc/>
    public override IReadOnlyList<ChatMessage> Ask(RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string tag = ReplyTag.Of(request);
        int n = request.Candidates.Count;
        var text = new StringBuilder(DelimitedMaterial.Format(request, tag));
        text.Append(CultureInfo.InvariantCulture, $"\nRate Response 0 to {n - 1} in reply to the instruction.\n");
        text.Append("First, say whether the instruction requires open-ended or close-ended responses.\n");
        text.Append(CultureInfo.InvariantCulture,
            $"Second, write one high quality answer of your own under the heading '###Response {n}:'. It has the form of the other "
            + $"responses and serves as a reference.\n");
        text.Append("Third, name duplicate responses, if any, as 'Response i is a duplicate of Response j.' and keep one of them.\n");
        text.Append(CultureInfo.InvariantCulture,
            $"Fourth, compare Response {n} with all responses and score each of Response 0 to {n} in three aspects, 0 to 5 each: "
            + $"{DelimitedMaterial.Aspects} ");
        text.Append(CultureInfo.InvariantCulture, $"Write one line 'Response k {tag}: [x, y, z]' for each response.\n");
        text.Append(CultureInfo.InvariantCulture,
            $"Last, rank Response 0 to {n}, without the dropped duplicates, in decreasing order of the sum of their scores. End with the "
            + $"line 'rank {tag}: [i, j, ...]'.\n");
        return [new ChatMessage(ChatRole.System, DelimitedMaterial.SystemMessage(tag)), new ChatMessage(ChatRole.User, text.ToString())];
    }

    /// <inheritdoc/>
    public override Judgment Read(string reply, RankingRequest request) =>
        JudgeReplyReader.Read(reply, request, ReplyTag.Of(request), tagRequired: true);

    /// <inheritdoc/>
    public override string Correct(UnreadableReplyException problem, RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentNullException.ThrowIfNull(request);
        return $"Your reply could not be used: {problem.Message} Please give the score lines and the last line 'rank "
            + $"{ReplyTag.Of(request)}: [...]' again, "
            + $"with the numbers 0 to {request.Candidates.Count}; name the duplicates you leave out.";
    }
}
