using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Resilience;

public class ResilientChatClientTests
{
    private static ChatServiceException Error(int status, string? code = null, double? retryAfter = null) =>
        new("scripted", new ServiceError(status, code, retryAfter is { } s ? TimeSpan.FromSeconds(s) : null));

    private static (ResilientChatClient Client, ScriptedChatClient Service, ManualTime Time) Create(int retries, params Exception?[] script)
    {
        var time = new ManualTime();
        var service = new ScriptedChatClient((i, _, _) => i < script.Length && script[i] is { } e
            ? throw e : ScriptedChatClient.Reply("fine"));
        return (new ResilientChatClient(service, new ResilienceOptions { MaxRetries = retries, Seed = 5 }, time), service, time);
    }

    [Fact]
    public async Task GetResponseAsync_PassingFailures_WaitsLongerAndLonger()
    {
        (ResilientChatClient client, ScriptedChatClient service, ManualTime time) =
            Create(6, Error(500), Error(503), Error(429), new IOException("cut"));

        Assert.Equal("fine", (await client.GetResponseAsync("q")).Text);

        Assert.Equal(5, service.Calls.Count);
        Assert.Equal(4, time.Waits.Count);
        // Decorrelated jitter around 1, 2, 4, 8 s: the total is of that size, and no wait is nothing or above the limit.
        Assert.InRange(time.Waits.Sum(w => w.TotalSeconds), 3, 45);
        Assert.All(time.Waits, w => Assert.InRange(w.TotalSeconds, 0.001, 60));
        Assert.True(time.Waits[3] > time.Waits[0]);
    }

    [Fact]
    public async Task GetResponseAsync_SameSeed_SameWaits()
    {
        (ResilientChatClient a, _, ManualTime first) = Create(6, Error(500), Error(500), Error(500));
        (ResilientChatClient b, _, ManualTime second) = Create(6, Error(500), Error(500), Error(500));
        await a.GetResponseAsync("q");
        await b.GetResponseAsync("q");

        Assert.Equal(first.Waits, second.Waits);
    }

    [Fact]
    public async Task GetResponseAsync_RetryAfter_IsHonoured()
    {
        (ResilientChatClient client, _, ManualTime time) = Create(3, Error(429, null, 42), Error(503, null, 7));

        await client.GetResponseAsync("q");

        Assert.Equal([TimeSpan.FromSeconds(42), TimeSpan.FromSeconds(7)], time.Waits);
    }

    [Fact]
    public async Task GetResponseAsync_RetryAfterBeyondTheLimit_EndsTheCall()
    {
        (ResilientChatClient client, ScriptedChatClient service, ManualTime time) = Create(3, Error(429, null, 86400));

        var e = await Assert.ThrowsAsync<CallFailedException>(() => client.GetResponseAsync("q"));

        Assert.Equal(CallVerdict.Retry, e.Decision.Verdict);
        Assert.Single(service.Calls);
        Assert.Empty(time.Waits);
    }

    [Theory]
    [InlineData(401, "invalid_api_key", CallVerdict.Stop)]
    [InlineData(400, "context_length_exceeded", CallVerdict.GiveUp)]
    public async Task GetResponseAsync_FailureThatStays_IsNotRepeated(int status, string code, CallVerdict verdict)
    {
        (ResilientChatClient client, ScriptedChatClient service, _) = Create(5, Error(status, code));

        var e = await Assert.ThrowsAsync<CallFailedException>(() => client.GetResponseAsync("q"));

        Assert.Equal(verdict, e.Decision.Verdict);
        Assert.Equal(1, e.Attempts);
        Assert.Single(service.Calls);
    }

    [Fact]
    public async Task GetResponseAsync_FailsToTheEnd_SaysHowOften()
    {
        (ResilientChatClient client, ScriptedChatClient service, _) = Create(2, Error(500), Error(500), Error(500));

        var e = await Assert.ThrowsAsync<CallFailedException>(() => client.GetResponseAsync("q"));

        Assert.Equal(3, e.Attempts);
        Assert.Equal(3, service.Calls.Count);
        Assert.IsType<ChatServiceException>(e.InnerException);
    }

    [Fact]
    public async Task GetResponseAsync_EmptyAnswers_AreRepeatedAndThenAFailure()
    {
        using var service = new ScriptedChatClient((_, _, _) => new ChatResponse());
        using var client = new ResilientChatClient(service, new ResilienceOptions { MaxRetries = 2 }, new ManualTime());

        var e = await Assert.ThrowsAsync<CallFailedException>(() => client.GetResponseAsync("q"));

        Assert.Equal(3, service.Calls.Count);
        Assert.Contains("empty", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_Budget_PassesAsItIs()
    {
        (ResilientChatClient client, ScriptedChatClient service, _) = Create(5, new BudgetExhaustedException("spent"));

        await Assert.ThrowsAsync<BudgetExhaustedException>(() => client.GetResponseAsync("q"));
        Assert.Single(service.Calls);
    }

    [Fact]
    public async Task GetResponseAsync_CancelledWhileWaiting_Throws()
    {
        using var stop = new CancellationTokenSource();
        using var service = new ScriptedChatClient((_, _, _) =>
        {
            stop.CancelAfter(20);
            throw Error(500);
        });
        using var client = new ResilientChatClient(service, new ResilienceOptions { BaseDelay = TimeSpan.FromSeconds(60) });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("q", cancellationToken: stop.Token));
    }

    [Fact]
    public void Options_OutOfRange_AreRejected()
    {
        using var service = new ScriptedChatClient("x");
        Assert.Throws<ArgumentOutOfRangeException>(() => new ResilientChatClient(service, new ResilienceOptions { MaxRetries = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            new ResilientChatClient(service, new ResilienceOptions
            {
                BaseDelay = TimeSpan.FromSeconds(2),
                MaxDelay = TimeSpan.FromSeconds(1),
            }));
        Assert.Equal("CallTimeout", Assert.Throws<ArgumentOutOfRangeException>(() =>
            service.AsBuilder().UseCallPipeline(new CallPipelineOptions { CallTimeout = TimeSpan.Zero })).ParamName);
    }
}
