using Tuna.Policies;

namespace Tuna.Core.Tests.Policies;

public class PolicyInfoTests
{
    private static readonly PolicyInfo Info = new(VocabularySize: 10, ContextLength: 8, HiddenSize: 4, LayerCount: 1, ParameterCount: 1);

    [Fact]
    public void CheckGroups_GroupsThatFit_CountsTheirResponses()
    {
        TokenGroup[] groups = [Group("a", [0, 9], [[1], [2, 3, 4, 5, 6, 7]]), Group("b", [1], [[9]], reference: [0])];
        Assert.Equal(4, Info.CheckGroups(groups));
        Assert.Equal(0, Info.CheckGroups([]));
    }

    [Fact]
    public void CheckGroups_TokenOutsideTheVocabulary_NamesGroupAndPlace()
    {
        Assert.Contains("Group 'x': token 1 of the prompt is 10; the vocabulary has 10 ids", Refused([Group("x", [0, 10], [[1]])]),
            StringComparison.Ordinal);
        Assert.Contains("Group 'x': token 2 of candidate 1 is -1", Refused([Group("x", [0], [[1], [1, 2, -1]])]), StringComparison.Ordinal);
        Assert.Contains("Group 'x': token 0 of the reference response is 11", Refused([Group("x", [0], [[1]], reference: [11])]),
            StringComparison.Ordinal);
        Assert.Contains("Group 1 is null", Refused([Group("x", [0], [[1]]), null!]), StringComparison.Ordinal);
    }

    [Fact]
    public void CheckGroups_SequenceLongerThanTheContext_NamesGroupAndResponse()
    {
        Assert.Contains("Group 'x': a prompt of 3 tokens and candidate 0 of 6 exceed the context of 8",
            Refused([Group("x", [1, 1, 1], [[1, 1, 1, 1, 1, 1]])]), StringComparison.Ordinal);
        Assert.Contains("the reference response of 6", Refused([Group("x", [1, 1, 1], [[1]], reference: [1, 1, 1, 1, 1, 1])]),
            StringComparison.Ordinal);
    }

    [Fact]
    public void CheckRequests_EachNumberOutsideItsRange_IsNamed()
    {
        var good = new SamplingRequest { Prompt = new[] { 1, 2 }, MaxNewTokens = 6 };
        Info.CheckRequests([good, good with { Temperature = 0, TopK = 3, TopP = 0.1 }]);
        foreach ((SamplingRequest bad, string named) in new (SamplingRequest, string)[]
        {
            (good with { Prompt = Array.Empty<int>() }, "the prompt has no tokens"),
            (good with { Count = 0 }, "Count"),
            (good with { MaxNewTokens = 0 }, "MaxNewTokens"),
            (good with { MaxNewTokens = 7 }, "context of 8"),
            (good with { MaxNewTokens = int.MaxValue }, "context of 8"),
            (good with { Temperature = -1 }, "Temperature"),
            (good with { Temperature = double.PositiveInfinity }, "Temperature"),
            (good with { TopK = -1 }, "TopK"),
            (good with { TopP = 0 }, "TopP"),
            (good with { TopP = double.NaN }, "TopP"),
            (good with { Prompt = new[] { 1, 10 } }, "Token 1 of request 1's prompt is 10"),
            (null!, "Request 1 is null"),
        })
        {
            string message = Assert.Throws<ArgumentException>(() => Info.CheckRequests([good, bad])).Message;
            Assert.Contains(named, message, StringComparison.Ordinal);
            Assert.Contains("equest 1", message, StringComparison.Ordinal);
        }
    }

    private static string Refused(TokenGroup[] groups) =>
        Assert.Throws<ArgumentException>(() => Info.CheckGroups(groups)).Message;

    private static TokenGroup Group(string id, int[] prompt, int[][] candidates, int[]? reference = null) =>
        new(id, prompt, [.. candidates.Select(c => (ReadOnlyMemory<int>)c)], new double[candidates.Length], reference is null
            ? null : (ReadOnlyMemory<int>?)reference);
}
