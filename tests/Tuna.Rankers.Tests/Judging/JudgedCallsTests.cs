using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Judging;

/// <summary>The judge behind a journal and a budget.</summary>
public sealed class JudgedCallsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-judged").FullName;

    private string JournalPath => Path.Combine(_folder, "calls.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ContextualRanker_BudgetSpent_SaysSo()
    {
        using var service = new ScriptedChatClient("rank: [0, 1, 2, 3]");
        using IChatClient client = service.AsBuilder().UseCallPipeline(new CallPipelineOptions { Budget = new CallBudget(maxTokens: 10) })
            .Build();

        var e = await Assert.ThrowsAsync<RankingException>(() => new ContextualRanker(client).RankAsync(Rows.Four()));

        Assert.Equal(RankingFailure.BudgetExhausted, e.Reason);
        Assert.Empty(service.Calls);
    }

    [Fact]
    public async Task GetResponseAsync_BetterReader_ReadsTheOldRepliesForFree()
    {
        using var service = new ScriptedChatClient("The ranking is 2 > 1 > 0 > 3");
        using CallJournal journal = CallJournal.Open(JournalPath);
        using IChatClient client = service.AsBuilder().UseJournal(journal).Build();
        await Assert.ThrowsAsync<RankingException>(() => new ContextualRanker(client, new ContextualRankerOptions { MaxReasks = 0 })
            .RankAsync(Rows.Four()));

        RankingResult result = await new ContextualRanker(client,
            new ContextualRankerOptions { MaxReasks = 0, Prompt = new LenientPrompt() }).RankAsync(Rows.Four());

        Assert.Equal([2, 1, 0, 3], result.Order);
        Assert.Equal(RankingUsage.None, result.Usage);
        Assert.Single(service.Calls);
    }

    [Fact]
    public async Task ContextualRanker_ServiceWithoutSchemas_FallsBackToTextOnce()
    {
        int refusedForms = 0;
        await using OpenAIServer server = await OpenAIServer.StartAsync(call =>
        {
            if (call.Body.TryGetProperty("response_format", out _))
            {
                Interlocked.Increment(ref refusedForms);
                return ServerReply.Error(400, "unsupported_parameter");
            }

            string tag = System.Text.RegularExpressions.Regex.Match(call.Prompt, "rank ([0-9a-f]{12}):").Groups[1].Value;
            return ServerReply.Chat($"Response 0 {tag}: [1, 2, 3]\nrank {tag}: [1, 0, 2]");
        });
        using IChatClient client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address }).AsBuilder()
            .UseCallPipeline().Build();
        var ranker = new ContextualRanker(client, new ContextualRankerOptions { Prompt = JsonPrompt.Instance });

        for (int i = 0; i < 3; i++)
            Assert.Equal([1, 0], (await ranker.RankAsync(Rows.Row("a", $"b{i}"))).Order);

        Assert.Equal(1, refusedForms);
    }

    /// <summary>The paper's question, read with more goodwill.</summary>
    private sealed class LenientPrompt : JudgePrompt
    {
        public override string Version => PaperPrompt.Instance.Version;

        public override IReadOnlyList<ChatMessage> Ask(RankingRequest request) => PaperPrompt.Instance.Ask(request);

        public override Judgment Read(string reply, RankingRequest request) =>
            PaperPrompt.Instance.Read("rank: [" + reply[(reply.LastIndexOf("is", StringComparison.Ordinal) + 2)..].Replace('>', ',') + "]",
            request);

        public override string Correct(UnreadableReplyException problem, RankingRequest request) => "";
    }
}
