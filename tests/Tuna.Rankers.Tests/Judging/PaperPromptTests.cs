using Microsoft.Extensions.AI;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Judging;

public class PaperPromptTests
{
    // Byte for byte what the paper's released code sends for four candidates, its missing line breaks and misplaced comma included.
    private const string Released = """
        Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.

        ### Instruction:
        Add.

        ### Input:
        1 + 1

        ### Response:

        ###Response 0:
        2

        ###Response 1:
        It is 2.

        ###Response 2:
        3

        ###Response 3:
        two


        We would like you to rate Response 0/1/2/3 in reply to the given instruction displayed above.
        First, identify if the instruction requires open-ended or close-ended responses.Second, you need to generate one high quality '###Response 4' in answer to the instruction. It needs to have the same format as other responses and will be used as a reference later.
        Third, identify if there are duplicate responses and keep only one of the duplicate responses for the following steps.Fourth, compare Response 4 with Response 0/1/2/3/4 and assign each response an overall score on a scale of 0 to 15 where a higher score indicates better overall quality. For an open-ended instruction, please rate based on the relevance (score 0 to 5), level of details/justification: (score 0 to 5) and accuracy (score 0 to 5) of each response; for a close-ended instruction, please rate based on the accuracy (score 0 to 5), level of details/justification (score 0 to 5) and clarity (score 0 to 5) of each response. The ratings should have the format: 'Response k: [sum of the 3 individual scores you give to response k]'.
        Last, rank the responses in decreasing order of their overall scores. The ranking should have the format: 'rank: [i, j ,k, l, m]'. If there are duplicate responses, keep only one of them in the rank, that is, the ranking may become: 'rank: [i, j, k, l]', 'rank: [i, j, k]' 'rank: [i, j]' or even 'rank: [i]'.

        """;

    [Fact]
    public void Ask_FourCandidates_IsTheReleasedPrompt()
    {
        var request = new RankingRequest("a", "Add.", "1 + 1", [new("2"), new("It is 2."), new("3"), new("two")]);

        IReadOnlyList<ChatMessage> messages = PaperPrompt.Instance.Ask(request);

        Assert.Equal(2, messages.Count);
        Assert.Equal(ChatRole.System, messages[0].Role);
        Assert.Equal("You are a professional and experienced data annotator.", messages[0].Text);
        Assert.Equal(ChatRole.User, messages[1].Role);
        Assert.Equal(Released, messages[1].Text);
    }

    [Theory]
    [InlineData(2, "rate Response 0/1 in", "'###Response 2'", "'rank: [i, j ,k]'", "may become: 'rank: [i, j]' or even 'rank: [i]'.")]
    [InlineData(6, "rate Response 0/1/2/3/4/5 in", "'###Response 6'", "'rank: [i, j ,k, l, m, n, o]'",
        "may become: 'rank: [i, j, k, l, m, n]', 'rank: [i, j, k, l, m]' 'rank: [i, j, k, l]' 'rank: [i, j, k]' 'rank: [i, j]' or even "
        + "'rank: [i]'.")]
    public void Ask_OtherNumbers_ExtendsTheSentences(int n, params string[] parts)
    {
        string text = PaperPrompt.Instance.Ask(Rows.Row([.. Enumerable.Range(0, n).Select(k => $"answer {k}")]))[1].Text;

        Assert.All(parts, part => Assert.Contains(part, text, StringComparison.Ordinal));
        Assert.StartsWith("Below is an instruction that describes a task. Write", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Ask_CandidatesWithBraces_AreLeftAlone()
    {
        string text = PaperPrompt.Instance.Ask(Rows.Row("{instruction}", "{0}"))[1].Text;

        Assert.Contains("###Response 0:\n{instruction}\n\n###Response 1:\n{0}\n", text, StringComparison.Ordinal);
    }
}
