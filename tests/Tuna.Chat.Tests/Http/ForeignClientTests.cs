using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.Extensions.AI;
using OpenAI;
using Tuna.Chat.Errors;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Http;

/// <summary>Another package's client (Microsoft.Extensions.AI.OpenAI over OpenAI's own) behind the decorators of
/// <see cref="ChatClientBuilderExtensions"/>, against a real server.</summary>
public sealed class ForeignClientTests : IDisposable
{
    private static readonly CallErrorClassifier Classifier =
        new() { Describe = e => e is ClientResultException { Status: > 0 } refused ? new ServiceError(refused.Status) : null };

    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-foreign").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Pipeline_Reply_IsJournaledCountedAndNotAskedTwice()
    {
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => ServerReply.Chat("rank: [0, 1]"));
        for (int run = 0; run < 2; run++)
        {
            using CallJournal journal = Journal();
            var budget = new CallBudget(maxTokens: 100_000);
            using IChatClient client = Client(server, journal, budget);

            ChatResponse response = await client.GetResponseAsync("q");

            Assert.Equal("rank: [0, 1]", response.Text);
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            Assert.Equal("rank: [0, 1]", Assert.Single(journal.Calls()).Reply);
            Assert.Equal(run == 0 ? 20 : 0, CallUsage.Of(response).OutputTokens); // from the journal it costs nothing
        }

        Assert.Equal(1, server.Calls);
    }

    [Fact]
    public async Task Pipeline_Overloaded_IsAskedAgain()
    {
        await using OpenAIServer server =
            await OpenAIServer.StartAsync(call => call.Attempt < 2 ? ServerReply.Error(429) : ServerReply.Chat("fine"));
        using CallJournal journal = Journal();
        using IChatClient client = Client(server, journal, new CallBudget());

        Assert.Equal("fine", (await client.GetResponseAsync("q")).Text);

        Assert.Equal(3, server.Calls);
        Assert.Single(journal.Calls());
    }

    [Fact]
    public async Task Pipeline_WrongKey_StopsAtOnce()
    {
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => ServerReply.Error(401, "invalid_api_key"));
        using CallJournal journal = Journal();
        using IChatClient client = Client(server, journal, new CallBudget());

        CallFailedException e = await Assert.ThrowsAsync<CallFailedException>(() => client.GetResponseAsync("q"));

        Assert.Equal((CallVerdict.Stop, 401, 1), (e.Decision.Verdict, e.Decision.Error!.Status, server.Calls));
        Assert.Empty(journal.Calls());
    }

    private CallJournal Journal() => CallJournal.Open(Path.Combine(_folder, "calls.jsonl"));

    private static IChatClient Client(OpenAIServer server, CallJournal journal, CallBudget budget)
    {
        // Only one layer may repeat calls: the package's own retries are off.
        var options = new OpenAIClientOptions { Endpoint = server.Address, RetryPolicy = new ClientRetryPolicy(maxRetries: 0) };
        return new OpenAI.Chat.ChatClient("scripted-1", new ApiKeyCredential("test-key"), options).AsIChatClient().AsBuilder()
            .UseCallPipeline(new CallPipelineOptions
            {
                Journal = journal,
                Budget = budget,
                Resilience = new() { Classifier = Classifier, BaseDelay = TimeSpan.FromMilliseconds(1) },
            })
            .Build();
    }
}
