using System.Globalization;
using System.Text;
using Microsoft.Extensions.AI;
using Tuna.Data.Prompts;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>The contextual ranking prompt of the paper (arXiv 2310.13385, Table 9), as its released code sends it.</summary>
/// <remarks>
/// For four candidates the system and the user message are those of the release byte for byte, its missing line breaks and its
/// <c>[i, j ,k, l, m]</c> included, since these bytes made the paper's data; for other numbers of candidates the same sentences are
/// extended. Candidates go in as they are. A response that imitates the judge's format cannot steer how the reply is READ: a
/// list that also stands in a candidate or in the instruction is no verdict. But it may sway the judge itself:
/// <see cref="HardenedPrompt"/> is for data that is not trusted.
/// </remarks>
public sealed class PaperPrompt : JudgePrompt
{
    private const string SystemMessage = "You are a professional and experienced data annotator.";

    /// <summary>The shared instance (it has no state).</summary>
    public static PaperPrompt Instance { get; } = new();

    /// <inheritdoc/>
    public override string Version => "tuna-table9-1";

    /// <inheritdoc/>
    public override IReadOnlyList<ChatMessage> Ask(RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return [new ChatMessage(ChatRole.System, SystemMessage), new ChatMessage(ChatRole.User, UserMessage(request))];
    }

    /// <inheritdoc/>
    public override Judgment Read(string reply, RankingRequest request) => JudgeReplyReader.Read(reply, request, ReplyTag.Of(request));

    /// <inheritdoc/>
    public override string Correct(UnreadableReplyException problem, RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentNullException.ThrowIfNull(request);
        int n = request.Candidates.Count;
        return $"Your reply could not be used: {problem.Message} "
            + $"Please give only the ranking of Response {Numbers(n + 1)} in decreasing order of the overall scores, as one last line of "
                + $"exactly this form: "
            + $"'rank {ReplyTag.Of(request)}: [{string.Join(", ", Enumerable.Range(0, n + 1).Select(Letter))}]'. "
            + "If a response is left out because it is a duplicate, say before that line which one it duplicates.";
    }

    private static string UserMessage(RankingRequest request)
    {
        int n = request.Candidates.Count;
        var text = new StringBuilder();
        text.Append(AlpacaPromptTemplate.Instance.Format(request.Instruction, request.Input)).Append("\n\n");
        for (int k = 0; k < n; k++)
            text.Append(CultureInfo.InvariantCulture, $"{(k > 0 ? "\n" : "")}###Response {k}:\n{request.Candidates[k].Text}\n");
        text.Append(CultureInfo.InvariantCulture,
            $"\n\nWe would like you to rate Response {Numbers(n)} in reply to the given instruction displayed above.\n");
        text.Append("First, identify if the instruction requires open-ended or close-ended responses.");
        text.Append(CultureInfo.InvariantCulture,
            $"Second, you need to generate one high quality '###Response {n}' in answer to the instruction. ");
        text.Append("It needs to have the same format as other responses and will be used as a reference later.\n");
        text.Append(
            "Third, identify if there are duplicate responses and keep only one of the duplicate responses for the following steps.");
        text.Append(CultureInfo.InvariantCulture,
            $"Fourth, compare Response {n} with Response {Numbers(n + 1)} and assign each response an overall score on a scale of 0 to 15 "
            + $"where a higher score indicates better overall quality. ");
        text.Append(
            "For an open-ended instruction, please rate based on the relevance (score 0 to 5), level of details/justification: (score 0 "
            + "to 5) and accuracy (score 0 to 5) of each response; ");
        text.Append(
            "for a close-ended instruction, please rate based on the accuracy (score 0 to 5), level of details/justification (score 0 to "
            + "5) and clarity (score 0 to 5) of each response. ");
        text.Append("The ratings should have the format: 'Response k: [sum of the 3 individual scores you give to response k]'.\n");
        text.Append(CultureInfo.InvariantCulture,
            $"Last, rank the responses in decreasing order of their overall scores. The ranking should have the format: 'rank: "
            + $"[{FullRank(n + 1)}]'. ");
        text.Append(CultureInfo.InvariantCulture,
            $"If there are duplicate responses, keep only one of them in the rank, that is, the ranking may become: {ShorterRanks(n)}.\n");
        return text.ToString();
    }

    // 0/1/2/3
    private static string Numbers(int count) => string.Join('/', Enumerable.Range(0, count));

    // i, j ,k, l, m: the release has the comma before k misplaced, and so has every prompt that made the paper's data.
    private static string FullRank(int count) =>
        string.Concat(Enumerable.Range(0, count).Select(k => (k switch { 0 => "", 2 => " ,", _ => ", " }) + Letter(k)));

    // 'rank: [i, j, k, l]', 'rank: [i, j, k]' 'rank: [i, j]' or even 'rank: [i]': again with the release's one comma.
    private static string ShorterRanks(int longest)
    {
        var text = new StringBuilder();
        for (int length = longest; length >= 1; length--)
        {
            if (length < longest)
                text.Append(length == 1 ? " or even " : length == longest - 1 ? ", " : " ");
            text.Append(CultureInfo.InvariantCulture, $"'rank: [{string.Join(", ", Enumerable.Range(0, length).Select(Letter))}]'");
        }

        return text.ToString();
    }

    private static string Letter(int k) => ((char)('i' + k)).ToString();
}
