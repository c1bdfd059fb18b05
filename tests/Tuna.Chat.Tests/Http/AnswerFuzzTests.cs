using System.Net;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;
using Tuna.Numerics;
using Tuna.Testing;

namespace Tuna.Chat.Tests.Http;

/// <summary>Whatever bytes a service answers, with whatever status, a call gives a reply or a <see cref="ChatServiceException"/>, and no
/// text shows the key.</summary>
public class AnswerFuzzTests
{
    private const string Key = "sk-fuzz-0123456789abcdef";

    public static TheoryData<string, HttpStatusCode, string> Answers => new()
    {
        { "application/json", HttpStatusCode.OK,
            """{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"rank: [1, 0]"}"""
                + ""","finish_reason":"stop","logprobs":{"content":[{"token":"x","logprob":-0.5}]}}],"usage":{"prompt_tokens":"""
                + """10,"completion_tokens":5}}""" },
        { "application/json", HttpStatusCode.OK,
            """{"type":"message","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":"""
                + """{"input_tokens":10,"output_tokens":5}}""" },
        { "text/event-stream", HttpStatusCode.OK,
            "data: {\"choices\":[{\"delta\":{\"content\":\"ra\"}}]}\n\ndata: "
            + "{\"choices\":[{\"delta\":{\"content\":\"nk\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\ndata: "
            + "[DONE]\n\n" },
        { "application/json", HttpStatusCode.TooManyRequests,
            "{\"error\":{\"message\":\"Slow down, " + Key + "\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}" },
        { "text/html", HttpStatusCode.BadGateway, "<html><body>" + Key + " \u001b[31m 502</body></html>" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void GetResponseAsync_DamagedAnswer_IsAReplyOrANamedFailure(string type, HttpStatusCode status, string answer)
    {
        var handler = new Handler(type, status);
        using var http = new HttpClient(handler);
        using var client = new ChatCompletionsClient(
            new HttpChatOptions { BaseAddress = new Uri("http://127.0.0.1:1/v1/"), Model = "m", ApiKey = Key, LogProbs = true }, http);
        ChatMessage[] question = [new(ChatRole.User, "q")];
        (int taken, int refused) = Fuzzing.Run(System.Text.Encoding.UTF8.GetBytes(answer), 4000, Rng.Derive(0, answer), "", input =>
        {
            handler.Answer = input;
            try
            {
                ChatResponse response = client.GetResponseAsync(question).GetAwaiter().GetResult();
                Assert.DoesNotContain(Key, response.Text, StringComparison.Ordinal);
            }
            catch (ChatServiceException e)
            {
                Assert.DoesNotContain(Key, e.ToString(), StringComparison.Ordinal);
                throw;
            }
        }, typeof(ChatServiceException));
        Assert.Equal(4000 * Fuzzing.Factor, taken + refused);
        Assert.True(refused > 100, $"{taken} taken, {refused} refused");
    }

    private sealed class Handler(string type, HttpStatusCode status) : HttpMessageHandler
    {
        public byte[] Answer { get; set; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var content = new ByteArrayContent(Answer);
            content.Headers.ContentType = new(type);
            return Task.FromResult(new HttpResponseMessage(status) { Content = content });
        }
    }
}
