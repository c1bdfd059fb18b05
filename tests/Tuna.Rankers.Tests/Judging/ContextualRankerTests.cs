using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Limits;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Judging;

public class ContextualRankerTests
{
    private const string Good = "Response 0: [8]\nResponse 1: [11]\nResponse 2: [12]\nResponse 3: [1]\nrank: [4, 2, 1, 0, 3]";

    [Fact]
    public async Task RankAsync_Default_IsOneCallWithThePapersSettings()
    {
        using var judge = new ScriptedChatClient(Good);
        using IChatClient client = judge.AsBuilder().UseBudget(new CallBudget(prices: new TokenPrices(30, 60))).Build();
        var ranker = new ContextualRanker(client, new ContextualRankerOptions { Model = "gpt-4" });

        RankingResult result = await ranker.RankAsync(Rows.Four());

        Assert.Equal([2, 1, 0, 3], result.Order);
        Assert.Equal([8, 11, 12, 1], result.Scores);
        Assert.Equal(new RankingUsage(1, 100, 20, 0.0042m), result.Usage);
        (IReadOnlyList<ChatMessage> messages, ChatOptions? options) = Assert.Single(judge.Calls);
        Assert.Equal(PaperPrompt.Instance.Ask(Rows.Four()).Select(m => m.Text), messages.Select(m => m.Text));
        Assert.Equal(0f, options!.Temperature);
        Assert.Equal("gpt-4", options.ModelId);
        Assert.Null(options.ResponseFormat);
        var clone = Assert.IsType<CallOptions>(options.Clone());
        Assert.Equal(("row-1", "tuna-table9-1", 0f), (clone.RowId, clone.PromptVersion, clone.Temperature));
    }

    [Fact]
    public async Task RankAsync_UnreadableReply_AsksAgainInTheSameConversation()
    {
        using var judge = new ScriptedChatClient("rank: [2, 1]", Good);

        RankingResult result = await new ContextualRanker(judge).RankAsync(Rows.Four());

        Assert.Equal([2, 1, 0, 3], result.Order);
        Assert.Equal(2, result.Usage.Calls);
        Assert.Equal(200, result.Usage.InputTokens);
        IReadOnlyList<ChatMessage> second = judge.Calls[1].Messages;
        Assert.Equal([ChatRole.System, ChatRole.User, ChatRole.Assistant, ChatRole.User], second.Select(m => m.Role));
        Assert.Equal("rank: [2, 1]", second[2].Text);
        Assert.Contains("leaves out Response 0", second[3].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RankAsync_AlwaysUnreadable_GivesUpAfterTheLimitAndSaysWhatItCost()
    {
        using var judge = new ScriptedChatClient("no idea");

        var e = await Assert.ThrowsAsync<RankingException>(() => new ContextualRanker(judge, new ContextualRankerOptions { MaxReasks = 1 })
            .RankAsync(Rows.Four()));

        Assert.Equal(RankingFailure.UnreadableReply, e.Reason);
        Assert.Equal("row-1", e.RowId);
        Assert.Equal(2, e.Usage.Calls);
        Assert.Equal(2, judge.Calls.Count);
    }

    [Fact]
    public async Task RankAsync_ReplyCutOffAtItsLimit_IsNotRead()
    {
        using var judge = new ScriptedChatClient((i, _, _) => i == 0
            ? ScriptedChatClient.Reply("rank: [0, 1, 2, 3]\n[", ChatFinishReason.Length) : ScriptedChatClient.Reply(Good));

        RankingResult result = await new ContextualRanker(judge).RankAsync(Rows.Four());

        Assert.Equal([2, 1, 0, 3], result.Order);
    }

    [Fact]
    public async Task RankAsync_ContentFilter_IsARefusalWithoutAnotherCall()
    {
        using var judge = new ScriptedChatClient((_, _, _) => ScriptedChatClient.Reply("", ChatFinishReason.ContentFilter));

        var e = await Assert.ThrowsAsync<RankingException>(() => new ContextualRanker(judge).RankAsync(Rows.Four()));

        Assert.Equal(RankingFailure.Refused, e.Reason);
        Assert.Single(judge.Calls);
    }

    [Theory]
    [InlineData("rank: [2, 1, 0, 3]")]
    [InlineData("Response 2: [12]\nrank: [2, 1, 0, 3]")]
    [InlineData("Response 0: [15]\nResponse 1: [11]\nResponse 2: [12]\nResponse 3: [1]\nrank: [2, 1, 0, 3]")]
    public async Task RankAsync_MissingOrContradictingScores_CountsPositions(string reply)
    {
        using var judge = new ScriptedChatClient(reply);

        RankingResult result = await new ContextualRanker(judge).RankAsync(Rows.Four());

        Assert.Equal([2, 3, 4, 1], result.Scores);
    }

    [Fact]
    public async Task RankAsync_Positions_BreakTiesAsTheRankingDoes()
    {
        using var judge = new ScriptedChatClient("Response 0: [9]\nResponse 1: [9]\nResponse 2: [12]\nResponse 3: [1]\nrank: [2, 1, 0, 3]");

        RankingResult totals = await new ContextualRanker(judge).RankAsync(Rows.Four());
        RankingResult positions = await new ContextualRanker(judge, new ContextualRankerOptions { Score = JudgeScore.Positions })
            .RankAsync(Rows.Four());

        Assert.Equal([9, 9, 12, 1], totals.Scores);
        Assert.Equal([2, 3, 4, 1], positions.Scores);
        Assert.Equal([2, 1, 0, 3], positions.Order);
    }

    [Fact]
    public async Task RankAsync_DroppedDuplicate_HasNoScore()
    {
        using var judge = new ScriptedChatClient("rank: [2, 1, 0]");

        RankingResult result = await new ContextualRanker(judge).RankAsync(Rows.Row("a", "b", "c", "A."));

        Assert.Equal([2, 1, 0], result.Order);
        Assert.Equal([1, 2, 3, null], result.Scores);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    public async Task RankAsync_TooFewOrTooMany_IsRejectedBeforeAnyCall(int n)
    {
        using var judge = new ScriptedChatClient(Good);

        var e = await Assert.ThrowsAsync<RankingException>(() => new ContextualRanker(judge)
            .RankAsync(Rows.Row([.. Enumerable.Range(0, n).Select(k => $"{k}")])));

        Assert.Equal(RankingFailure.InvalidRequest, e.Reason);
        Assert.Empty(judge.Calls);
    }

    [Fact]
    public async Task RankAsync_ClientFails_IsAServiceErrorWithItsCause()
    {
        using var judge = new ScriptedChatClient((_, _, _) => throw new HttpRequestException("connection reset"));

        var e = await Assert.ThrowsAsync<RankingException>(() => new ContextualRanker(judge).RankAsync(Rows.Four()));

        Assert.Equal(RankingFailure.ServiceError, e.Reason);
        Assert.IsType<HttpRequestException>(e.InnerException);
    }

    [Fact]
    public async Task RankAsync_Cancelled_Throws()
    {
        using var judge = new ScriptedChatClient(Good);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ContextualRanker(judge)
            .RankAsync(Rows.Four(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Options_OutOfRange_AreRejected()
    {
        using var judge = new ScriptedChatClient(Good);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ContextualRanker(judge, new ContextualRankerOptions { MaxReasks = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ContextualRanker(judge, new ContextualRankerOptions { Temperature = 3 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ContextualRanker(judge, new ContextualRankerOptions { MaxOutputTokens = 0 }));
    }
}
