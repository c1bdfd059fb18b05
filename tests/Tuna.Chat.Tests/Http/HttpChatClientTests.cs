using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Http;

/// <summary>The clients of the OpenAI protocol against a real server.</summary>
public class HttpChatClientTests
{
    private static readonly ChatResponseFormatJson Format =
        ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object","properties":{"rank":{"type":"array"}}}"""), "judgment");

    private static ChatCompletionsClient Create(OpenAIServer server, bool logProbs = false) =>
        new(new HttpChatOptions { BaseAddress = server.Address, Model = "m", ApiKey = "secret-1", LogProbs = logProbs });

    [Fact]
    public async Task GetResponseAsync_WholeCall_SaysAndReadsEverything()
    {
        ServerCall? seen = null;
        await using OpenAIServer server = await OpenAIServer.StartAsync(call =>
        {
            seen = call;
            return ServerReply.Chat("Hi 🐟", "length", [-0.5, -0.25]);
        });
        using ChatCompletionsClient client = Create(server, logProbs: true);

        ChatResponse response = await client.GetResponseAsync(
            [new(ChatRole.System, "s"), new(ChatRole.User, "u"), new(ChatRole.Assistant, "a"), new(ChatRole.User, "é")],
            new ChatOptions
            {
                Temperature = 0,
                TopP = 0.5f,
                MaxOutputTokens = 77,
                Seed = 12,
                ResponseFormat = Format,
                StopSequences = ["END"],
            });

        Assert.Equal("Hi 🐟", response.Text);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal("scripted-1", response.ModelId);
        Assert.Equal((100, 20), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount));
        Assert.Equal(-0.75, ReplyLogProb.Of(response)!.Sum, 1e-6);
        Assert.Equal(2, ReplyLogProb.Of(response)!.Tokens);
        Assert.Equal("/v1/chat/completions", seen!.Path);
        Assert.Equal([("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "é")], seen.Messages);
        Assert.Equal("m", seen.Body.GetProperty("model").GetString());
        Assert.Equal(0, seen.Body.GetProperty("temperature").GetDouble());
        Assert.Equal(0.5, seen.Body.GetProperty("top_p").GetDouble(), 1e-6);
        Assert.Equal(77, (seen.Body.TryGetProperty("max_tokens", out JsonElement limit)
            ? limit : seen.Body.GetProperty("max_completion_tokens")).GetInt32());
        Assert.Equal(12, seen.Body.GetProperty("seed").GetInt32());
        Assert.True(seen.Body.GetProperty("logprobs").GetBoolean());
        Assert.Equal("json_schema", seen.Body.GetProperty("response_format").GetProperty("type").GetString());
        Assert.True(seen.Body.GetProperty("response_format").GetProperty("json_schema").GetProperty("schema")
            .TryGetProperty("properties", out _));
        Assert.Equal("Bearer secret-1", Assert.Single(server.ApiKeys));
    }

    [Fact]
    public async Task GetResponseAsync_Failures_AreClassified()
    {
        ServerReply reply = ServerReply.Garbage();
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => reply);
        using IChatClient client = Create(server);
        async Task<CallDecision> Decide(ServerReply next)
        {
            reply = next;
            try
            {
                return CallErrorClassifier.Default.Classify(await client.GetResponseAsync("q"))!;
            }
            catch (Exception e)
            {
                return CallErrorClassifier.Default.Classify(e);
            }
        }

        CallDecision throttled = await Decide(ServerReply.Error(429, "rate_limit_exceeded", "17"));
        Assert.Equal((CallVerdict.Retry, TimeSpan.FromSeconds(17)), (throttled.Verdict, throttled.RetryAfter!.Value));
        CallDecision dated = await Decide(
            ServerReply.Error(503, null,
            TimeProvider.System.GetUtcNow().AddSeconds(100).ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
        Assert.InRange(dated.RetryAfter!.Value.TotalSeconds, 60, 101);
        Assert.Equal(CallVerdict.Stop, (await Decide(ServerReply.Error(429, "insufficient_quota"))).Verdict);
        Assert.Equal(CallVerdict.Stop, (await Decide(ServerReply.Error(401, "invalid_api_key"))).Verdict);
        Assert.Equal(CallVerdict.GiveUp, (await Decide(ServerReply.Error(400, "context_length_exceeded"))).Verdict);
        Assert.True((await Decide(ServerReply.Error(400, "content_filter"))).Refused);
        Assert.Equal(CallVerdict.Retry, (await Decide(ServerReply.Error(500))).Verdict);
        Assert.Equal(CallVerdict.Retry, (await Decide(new ServerReply("<html>bad gateway</html>", 502, "text/html"))).Verdict);
        Assert.Equal(CallVerdict.Retry, (await Decide(ServerReply.Garbage())).Verdict);
        Assert.Equal(CallVerdict.Retry, (await Decide(ServerReply.Truncated("a reply"))).Verdict);
        Assert.Equal(CallVerdict.Retry, (await Decide(ServerReply.CutOff("a reply"))).Verdict);
        Assert.Equal(CallVerdict.Retry, (await Decide(ServerReply.EmptyChoices())).Verdict);
    }

    [Fact]
    public async Task GetResponseAsync_NobodyListens_IsRetried()
    {
        var client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = new Uri("http://127.0.0.1:1/v1") });

        var e = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetResponseAsync("q"));

        Assert.Equal(CallVerdict.Retry, CallErrorClassifier.Default.Classify(e).Verdict);
    }

    // The bodies that vLLM and llama.cpp answer completions with, cut to the fields that matter.
    [Theory]
    [InlineData(
        """{"model":"v","choices":[{"text":" ab","finish_reason":"stop","logprobs":{"tokens":[" a","b"],"token_logprobs":[-0.5,-0.25"""
            + """],"top_logprobs":null}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""")]
    [InlineData(
        """{"model":"v","choices":[{"text":" ab","finish_reason":"stop","logprobs":{"content":[{"token":" a","logprob":-0.5},"""
            + """{"token":"b","logprob":-0.25}]}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""")]
    [InlineData(
        """{"model":"v","content":" ab","stop_type":"eos","tokens_evaluated":9,"tokens_predicted":2,"completion_probabilities":"""
            + """[{"token":" a","logprob":-0.5,"top_logprobs":[]},{"token":"b","logprob":-0.25,"top_logprobs":[]}]}""")]
    public async Task CompletionsClient_Dialects_GiveTextAndLogProbs(string body)
    {
        ServerCall? seen = null;
        await using OpenAIServer server = await OpenAIServer.StartAsync(call =>
        {
            seen = call;
            return new ServerReply(body);
        });
        using var client = new CompletionsClient(new HttpChatOptions { BaseAddress = server.Address, Model = "v", LogProbs = true });

        ChatResponse response = await client.GetResponseAsync("### Response:", new ChatOptions { Temperature = 1, MaxOutputTokens = 5 });

        Assert.Equal(" ab", response.Text);
        Assert.Equal(new ReplyLogProb(-0.75, 2), ReplyLogProb.Of(response));
        Assert.Equal((9, 2), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount));
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal("/v1/completions", seen!.Path);
        Assert.Equal("### Response:", seen.Prompt);
        Assert.Equal(1, seen.Body.GetProperty("logprobs").GetInt32());
    }
}
