using System.Text;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Chat.Resilience;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Http;

/// <summary>The key a client holds stands in no text that leaves it, whatever a service repeats; and it goes to no stranger in the
/// clear.</summary>
public sealed class SecretsTests : IDisposable
{
    private const string Key = "sk-Secret/0123+abcDEF";

    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-secrets").FullName;

    /// <summary>How a service repeats the key, as it stands in JSON.</summary>
    public static TheoryData<string> Echoes => new(
        Key,
        Key.ToUpperInvariant(),
        "Bearer " + Key,
        "\\u0073k-Secret\\/0123+abc\\u0044EF",
        Uri.EscapeDataString(Key),
        Convert.ToBase64String(Encoding.UTF8.GetBytes(Key)),
        Convert.ToBase64String(Encoding.UTF8.GetBytes("Bearer " + Key)),
        Convert.ToHexStringLower(Encoding.UTF8.GetBytes(Key)));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Echoes))]
    public async Task Echo_InAnyAnswer_IsTakenOut(string echo)
    {
        ServerReply[] answers =
        [
            new($$$"""{"error":{"message":"Bad key {{{echo}}}.","type":"x {{{echo}}}","code":"{{{echo}}}"}}""", 401),
            new($$$"""{"error":"Bad key {{{echo}}}."}""", 400),
            new($$$"""{"choices":null,"error":{"message":"{{{echo}}}","code":400,"metadata":{"raw":"{{{echo}}}"} } }"""),
            new($$$"""{"model":"{{{echo}}}","id":"{{{echo}}}","choices":[{"message":{"content":"Your key is {{{echo}}}."}"""
                + $$$""","finish_reason":"{{{echo}}}"}]}"""),
            new($$$"""{"choices":[{"message":{"content":[{"type":"text","text":"Your key is {{{echo}}}."}]}}]}"""),
            new($$$"""{"unknown":"{{{echo}}}"}"""),
        ];
        foreach ((int i, ServerReply answer) in answers.Index())
        {
            await using OpenAIServer server = await OpenAIServer.StartAsync(_ => answer);
            string path = Path.Combine(_folder, $"{i}.jsonl");
            string told;
            using (CallJournal journal = CallJournal.Open(path))
            using (IChatClient client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, ApiKey = Key })
                .AsBuilder()
                .UseCallPipeline(new CallPipelineOptions { Journal = journal, Resilience = new ResilienceOptions { MaxRetries = 0 } })
                    .Build())
            {
                try
                {
                    ChatResponse response = await client.GetResponseAsync("q");
                    told = $"{response.Text} {response.ModelId} {response.ResponseId} {response.FinishReason}";
                }
                catch (CallFailedException e)
                {
                    told = $"{e} {e.Decision} {ChatServiceException.Find(e)?.Answer}";
                }
            }

            told += await File.ReadAllTextAsync(path);
            Assert.Contains(SecretFilter.Mark, told, StringComparison.Ordinal);
            Assert.DoesNotContain(Key, told, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(echo.TrimEnd('='), told, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("abcDEF", told, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Echo_SplitOverTheParts_IsTakenOut()
    {
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => new ServerReply(
            $$$"""{"choices":[{"message":{"content":[{"type":"text","text":"{{{Key[..9]}}}"}"""
                + $$$""",{"type":"text","text":"{{{Key[9..]}}}"}]}}]}"""));
        using var client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, ApiKey = Key });

        Assert.Equal(SecretFilter.Mark, (await client.GetResponseAsync("q")).Text);
    }

    [Fact]
    public void Options_NeverShowTheKey()
    {
        var options = new HttpChatOptions { Model = "m", ApiKey = Key };

        Assert.DoesNotContain(Key, options.ToString(), StringComparison.Ordinal);
        using var client = new ChatCompletionsClient(new HttpChatOptions
        {
            BaseAddress = new Uri($"https://user:{Uri.EscapeDataString(Key)}@example.org/v1?key={Uri.EscapeDataString(Key)}"),
            ApiKey = Key,
        });
        var metadata = (ChatClientMetadata)client.GetService(typeof(ChatClientMetadata))!;
        Assert.Equal("https://example.org/v1", metadata.ProviderUri!.AbsoluteUri);
    }

    [Theory]
    [InlineData("http://192.168.1.5:8000/v1", false)]
    [InlineData("http://example.org/v1", false)]
    [InlineData("https://example.org/v1", true)]
    [InlineData("http://localhost:8000/v1", true)]
    [InlineData("http://127.0.0.1:8000/v1", true)]
    [InlineData("http://[::1]:8000/v1", true)]
    public void Key_OverPlainHttp_GoesToThisMachineOnly(string address, bool allowed)
    {
        var options = new HttpChatOptions { BaseAddress = new Uri(address), ApiKey = Key };
        if (allowed)
        {
            options.Validate();
            return;
        }

        var e = Assert.Throws<ArgumentException>(() => new ChatCompletionsClient(options));
        Assert.Contains("plain http", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, e.Message, StringComparison.Ordinal);
        (options with { AllowKeyOverHttp = true }).Validate();
        (options with { ApiKey = null }).Validate();
    }

    [Theory]
    [InlineData("sk-two\nlines")]
    [InlineData("sk two words")]
    [InlineData("sk-\u00FCmlaut")]
    public void Key_ThatNoHeaderCarries_IsRefusedWithoutShowingIt(string key)
    {
        var e = Assert.Throws<ArgumentException>(() => new ChatCompletionsClient(new HttpChatOptions { ApiKey = key }));

        Assert.DoesNotContain(key, e.ToString(), StringComparison.Ordinal);
        new HttpChatOptions { ApiKey = Key + "\n" }.Validate(); // a line break at the end comes with most files
    }

    [Fact]
    public async Task Answer_LargerThanIsTaken_EndsTheCallIsKeptInMindAndNotAskedAgain()
    {
        string body = $$$"""{"choices":[{"message":{"content":"{{{new string('x', 2_000_000)}}}"}}]}""";
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => new ServerReply(body));
        for (int run = 0; run < 2; run++)
        {
            using CallJournal journal = CallJournal.Open(Path.Combine(_folder, "large.jsonl"));
            using IChatClient client =
                new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, MaxAnswerBytes = 1_000_000 }).AsBuilder()
                .UseCallPipeline(new CallPipelineOptions { Journal = journal }).Build();

            Exception e = await Assert.ThrowsAnyAsync<Exception>(() =>
                client.GetResponseAsync("q", new ChatOptions { MaxOutputTokens = 100 }));

            CallDecision decision = CallErrorClassifier.Default.Classify(e);
            Assert.Equal((CallVerdict.GiveUp, ServiceError.TooLarge), (decision.Verdict, decision.Error!.Code));
            JournaledCall call = Assert.Single(journal.Calls());
            Assert.Equal((ServiceError.TooLarge, "", 100L), (call.Finish, call.Reply, call.OutputTokens)); // billed by estimate
        }

        Assert.Equal(1, server.Calls);
    }
}
