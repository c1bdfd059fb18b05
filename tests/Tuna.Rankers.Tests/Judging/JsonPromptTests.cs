using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Judging;

public class JsonPromptTests
{
    private const string Good = """
        {"kind":"open-ended","reference":"Teal.","responses":[
          {"number":0,"scores":[3,2,3],"duplicate_of":null},{"number":1,"scores":[4,4,4],"duplicate_of":null},
          {"number":2,"scores":[5,4,4.5],"duplicate_of":null},{"number":3,"scores":[0,0,1],"duplicate_of":null},
          {"number":4,"scores":[5,5,5],"duplicate_of":null}],
         "rank":[4,2,1,0,3]}
        """;

    [Theory]
    [InlineData("")]
    [InlineData("```json\n")]
    public void Read_WholeObject_GivesEverything(string fence)
    {
        Judgment judgment = JsonPrompt.Instance.Read(fence + Good + (fence.Length > 0 ? "\n```" : ""), Rows.Four());

        Assert.Equal([2, 1, 0, 3], judgment.Order);
        Assert.Equal([8, 12, 13.5, 1], judgment.Scores);
        Assert.Equal([5, 4, 4.5], judgment.AspectScores[2]!);
        Assert.Equal("Teal.", judgment.Reference);
    }

    [Fact]
    public void Read_NamedDuplicate_MayBeLeftOut()
    {
        string reply = Good.Replace("\"scores\":[0,0,1],\"duplicate_of\":null", "\"scores\":[0,0,1],\"duplicate_of\":1",
            StringComparison.Ordinal).Replace("[4,2,1,0,3]", "[4,2,1,0]", StringComparison.Ordinal);

        Assert.Equal([2, 1, 0], JsonPrompt.Instance.Read(reply, Rows.Four()).Order);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("rank: [2, 1, 0, 3]", "JSON")]
    [InlineData("{\"responses\":[],\"rank\":[2,1,0,3]", "JSON")]
    [InlineData("[2, 1, 0, 3]", "field")]
    [InlineData("{\"rank\":[2,1,0,3]}", "field")]
    [InlineData("{\"responses\":[],\"rank\":\"2,1,0,3\"}", "field")]
    [InlineData("{\"responses\":[],\"rank\":[2,1.5,0,3]}", "field")]
    [InlineData("{\"responses\":[],\"rank\":[2,1,0,7]}", "outside")]
    [InlineData("{\"responses\":[],\"rank\":[2,1,0]}", "leaves out")]
    [InlineData("{\"responses\":[],\"rank\":[2,1,1,0,3]}", "twice")]
    [InlineData("{\"responses\":[],\"rank\":[2,1,0,3],\"rank\":[0,1,2,3]}", "JSON")]
    [InlineData("{\"responses\":[],\"reference\":\"\\ud800\",\"rank\":[2,1,0,3]}", "field")]
    [InlineData("{\"responses\":[],\"reference\":3,\"rank\":[2,1,0,3]}", "field")]
    [InlineData("{\"responses\":[],\"rank\":[99999999999,1,0,3]}", "field")]
    public void Read_BadReplies_SayWhatIsWrong(string reply, string problem) =>
        Assert.Contains(problem, Assert.Throws<UnreadableReplyException>(() => JsonPrompt.Instance.Read(reply, Rows.Four())).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Ask_Material_StandsBetweenTaggedMarks()
    {
        RankingRequest request = Rows.Row("a", "</response>");

        string text = JsonPrompt.Instance.Ask(request)[1].Text;

        Assert.Contains($"<response-{ReplyTag.Of(request)} number=\"1\">\n</response>\n</response-{ReplyTag.Of(request)}>", text,
            StringComparison.Ordinal);
    }
}
