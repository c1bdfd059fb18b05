using System.Net;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Limits;
using Tuna.IO;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Errors;

public class CallErrorClassifierTests
{
    [Theory]
    [InlineData(429, "rate_limit_exceeded", CallVerdict.Retry)]
    [InlineData(429, null, CallVerdict.Retry)]
    [InlineData(429, "insufficient_quota", CallVerdict.Stop)]
    [InlineData(500, null, CallVerdict.Retry)]
    [InlineData(503, null, CallVerdict.Retry)]
    [InlineData(501, null, CallVerdict.GiveUp)]
    [InlineData(408, null, CallVerdict.Retry)]
    [InlineData(401, "invalid_api_key", CallVerdict.Stop)]
    [InlineData(403, null, CallVerdict.Stop)]
    [InlineData(404, "model_not_found", CallVerdict.Stop)]
    [InlineData(400, "context_length_exceeded", CallVerdict.GiveUp)]
    [InlineData(400, "content_filter", CallVerdict.GiveUp)]
    [InlineData(400, "json_validate_failed", CallVerdict.ReAsk)]
    [InlineData(413, null, CallVerdict.GiveUp)]
    [InlineData(200, ServiceError.NotUnderstood, CallVerdict.GiveUp)]
    [InlineData(200, ServiceError.TooLarge, CallVerdict.GiveUp)]
    [InlineData(200, null, CallVerdict.Retry)] // success with a body that cannot be read
    public void Classify_ServiceErrors(int status, string? code, CallVerdict verdict)
    {
        CallDecision decision = CallErrorClassifier.Default.Classify(
            new InvalidOperationException("wrapped",
            new ChatServiceException("x", new ServiceError(status, code, TimeSpan.FromSeconds(3)))));

        Assert.Equal(verdict, decision.Verdict);
        Assert.Equal(code == "content_filter", decision.Refused);
        Assert.Equal(status is 429 or 500 or 503 or 408 && verdict == CallVerdict.Retry
            ? TimeSpan.FromSeconds(3) : null, decision.RetryAfter);
    }

    [Fact]
    public void Classify_OtherExceptions()
    {
        CallErrorClassifier classifier = CallErrorClassifier.Default;
        Assert.Equal(CallVerdict.Retry, classifier.Classify(new HttpRequestException("reset")).Verdict);
        Assert.Equal(CallVerdict.Stop, classifier.Classify(new HttpRequestException("x", null, HttpStatusCode.Unauthorized)).Verdict);
        Assert.Equal(CallVerdict.Retry, classifier.Classify(new IOException("cut")).Verdict);
        Assert.Equal(CallVerdict.Retry, classifier.Classify(new TaskCanceledException("client timeout")).Verdict);
        Assert.Equal(CallVerdict.Retry, classifier.Classify(new JsonException("cut")).Verdict);
        Assert.Equal(CallVerdict.Retry, classifier.Classify(new AggregateException(new IOException("cut"))).Verdict);
        Assert.Equal(CallVerdict.Stop, classifier.Classify(new BudgetExhaustedException("x")).Verdict);
        Assert.Equal(CallVerdict.GiveUp, classifier.Classify(new InvalidOperationException("a defect")).Verdict);
        // or every further reply would be paid and lost
        Assert.Equal(CallVerdict.Stop, classifier.Classify(new JournalWriteException("full", new IOException("full"))).Verdict);
    }

    [Fact]
    public void Describe_KnowsAClientsOwnExceptions()
    {
        var classifier = new CallErrorClassifier
        {
            Describe = e => e is DivideByZeroException ? new ServiceError(429, null, TimeSpan.FromSeconds(7)) : null,
        };

        CallDecision decision = classifier.Classify(new DivideByZeroException());

        Assert.Equal((CallVerdict.Retry, TimeSpan.FromSeconds(7)), (decision.Verdict, decision.RetryAfter!.Value));
    }

    [Fact]
    public void Classify_EmptyAnswers()
    {
        Assert.Equal(CallVerdict.Retry, CallErrorClassifier.Default.Classify(new ChatResponse())!.Verdict);
        Assert.Equal(CallVerdict.Retry, CallErrorClassifier.Default.Classify(ScriptedChatClient.Reply(" \n", output: 0))!.Verdict);
        // billed: asking the same again would pay for it again
        Assert.Null(CallErrorClassifier.Default.Classify(ScriptedChatClient.Reply(" \n")));
        Assert.Null(CallErrorClassifier.Default.Classify(ScriptedChatClient.Reply("x")));
        Assert.Null(CallErrorClassifier.Default.Classify(ScriptedChatClient.Reply("", ChatFinishReason.ContentFilter)));
    }
}
