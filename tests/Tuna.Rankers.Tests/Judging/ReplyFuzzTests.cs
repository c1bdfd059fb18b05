using System.Globalization;
using System.Text;
using Microsoft.Extensions.AI;
using Tuna.Numerics;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Judging;

/// <summary>
/// Whatever a judge replies, a row is ranked or fails with a named reason. The replies are seeded; TUNA_FUZZ multiplies how many. A
/// campaign had found that 3,123 of 20,000 replies to the JSON form ended in exceptions without a name: half surrogate pairs, numbers
/// beyond int, fields of other types.
/// </summary>
public class ReplyFuzzTests
{
    private static readonly string[] Pieces =
    [
        "rank", "ranking", ":", "[", "]", "{", "}", "\"", ",", " ", "\n", "\\", "0", "1", "2", "3", "-1", "1e400", "1e9",
            "99999999999999999999", "2.5", "null", "true", "\"rank\":", "\"responses\":",
        "\"number\":", "\"scores\":", "\"duplicate_of\":", "\"reference\":", "Response 0: [12]", "<think>", "</think>", "\uD800", "\uDC00",
            "\\ud800", "\\udc00", "\0", "\uFEFF", "\u00E9", "\U0001F41F", "```json\n", "```",
        "\\boxed{", ">", "\uFF1A", "###Response 4:",
    ];

    private static readonly string Good =
        """{"kind":"open-ended","reference":"Teal.","responses":[{"number":0,"scores":[3,2,3],"duplicate_of":null},{"number":1,"scores":"""
            + """[4,4,4],"duplicate_of":null}],"rank":[1,0,2]}""";

    public static TheoryData<string> Prompts => new("paper", "hardened", "json");

    [Theory]
    [MemberData(nameof(Prompts))]
    public void RankAsync_AnyReply_RanksOrFailsWithAName(string name)
    {
        int count = 7000 * Fuzzing.Factor;
        JudgePrompt prompt = name switch { "paper" => PaperPrompt.Instance, "hardened" => HardenedPrompt.Instance,
            _ => JsonPrompt.Instance };
        RankingRequest request = Rows.Row("a", "b");
        string tagged = $"rank {ReplyTag.Of(request)}: [1, 0, 2]";
        var rng = new Rng(11);
        int ranked = 0;
        CpuLimit.Run(begin =>
        {
            for (int i = 0; i < count; i++)
            {
                string reply = Reply(rng, name == "json" ? Good : name == "paper" ? "Response 0: [9]\nrank: [1, 0, 2]" : tagged);
                begin(() => $"the reply {reply}");
                ranked += Ranks(reply, prompt, request) ? 1 : 0;
            }
        });

        Assert.InRange(ranked, 1, count - 1); // the fuzz reaches both sides
    }

    private static bool Ranks(string reply, JudgePrompt prompt, RankingRequest request)
    {
        using var judge = new ScriptedChatClient(reply);
        try
        {
            // The scripted judge answers at once; the limit is on this thread.
            RankingResult result = new ContextualRanker(judge, new ContextualRankerOptions { Prompt = prompt, MaxReasks = 0 })
                .RankAsync(request).GetAwaiter().GetResult();
            Assert.Equal(result.Order.Distinct(), result.Order);
            Assert.All(result.Order, k => Assert.InRange(k, 0, 1));
            return true;
        }
        catch (RankingException e)
        {
            Assert.True(e.Reason is RankingFailure.UnreadableReply or RankingFailure.ServiceError, e.ToString());
            return false;
        }
    }

    // Half of them pieces in any order, half a good reply with some of its characters changed.
    private static string Reply(Rng rng, string good)
    {
        if (rng.Next(2) == 0)
            return string.Concat(Enumerable.Range(0, 1 + rng.Next(30)).Select(_ => Pieces[rng.Next(Pieces.Length)]));
        var text = new StringBuilder(good);
        for (int changes = rng.Next(4); changes > 0; changes--)
        {
            int at = rng.Next(text.Length);
            if (rng.Next(2) == 0)
                text.Remove(at, Math.Min(1 + rng.Next(5), text.Length - at)).Append(' ');
            else
                text.Insert(at, Pieces[rng.Next(Pieces.Length)]);
        }

        return text.ToString();
    }
}
