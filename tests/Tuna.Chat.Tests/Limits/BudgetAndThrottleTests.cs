using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.AI;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Limits;

public class BudgetAndThrottleTests
{
    private static ChatOptions Limit(int n) => new() { MaxOutputTokens = n };

    [Fact]
    public async Task Budget_InTokens_StopsShortOfIt()
    {
        var budget = new CallBudget(maxTokens: 1000);
        using var service = new ScriptedChatClient("x"); // 120 tokens a call
        using var client = new MeteredChatClient(service, budget);

        int done = 0;
        await Assert.ThrowsAsync<BudgetExhaustedException>(async () =>
        {
            for (; ; done++)
                await client.GetResponseAsync("question", Limit(100));
        });

        Assert.Equal(done, service.Calls.Count);
        Assert.Equal(new CallUsage(done, 100 * done, 20 * done), budget.Spent);
        Assert.InRange(budget.Spent.InputTokens + budget.Spent.OutputTokens, 1000 - 240, 1000);
    }

    [Fact]
    public async Task Budget_InMoney_WaitsForCallsUnderWayBeforeItSaysThatItIsSpent()
    {
        // A call may cost 2.1 + 100 at most and costs 50; three fit into 310 at once. The fourth waits until they have settled at 150, and
        // then it fits.
        var budget = new CallBudget(maxCost: 310, prices: new TokenPrices(300_000, 1_000_000));
        var go = new TaskCompletionSource();
        using var service = new WaitingChatClient(go.Task);
        using var client = new MeteredChatClient(service, budget);

        Task<ChatResponse>[] calls = [.. Enumerable.Range(0, 4).Select(_ => client.GetResponseAsync("question", Limit(100)))];
        Assert.Equal(3, service.Started);
        go.SetResult();
        await Task.WhenAll(calls);

        Assert.Equal(new CallUsage(4, 400, 80, 4 * 50), budget.Spent);
        Assert.Equal(3, service.MostAtOnce);
        await client.GetResponseAsync("question", Limit(100)); // 200 + 102 still fit
        var e = await Assert.ThrowsAsync<BudgetExhaustedException>(() => client.GetResponseAsync("question", Limit(100)));
        Assert.Contains("250 is spent, 60 is left", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Budget_WaitingCall_CanBeCancelled()
    {
        using var service = new WaitingChatClient(new TaskCompletionSource().Task);
        using var client = new MeteredChatClient(service, new CallBudget(maxTokens: 150));
        using var stop = new CancellationTokenSource();
        _ = client.GetResponseAsync("question", Limit(100), CancellationToken.None);

        Task<ChatResponse> waiting = client.GetResponseAsync("question", Limit(100), stop.Token);
        Assert.False(waiting.IsCompleted);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Budget_ServiceWithoutUsage_IsBilledByEstimate()
    {
        var budget = new CallBudget(maxTokens: 2000, prices: new TokenPrices(1_000_000, 1_000_000));
        using var service = new ScriptedChatClient((_, _, _) =>
            new ChatResponse(new ChatMessage(ChatRole.Assistant, new string('x', 300))));
        using var client = new MeteredChatClient(service, budget);

        ChatResponse response = await client.GetResponseAsync("question", Limit(500));

        // 8 letters and a message's frame; 300 letters
        Assert.Equal(new CallUsage(1, 7, 100, 107, Estimated: true), CallUsage.Of(response));
        Assert.Equal(CallUsage.Of(response), budget.Spent);
    }

    [Fact]
    public async Task Budget_FailedCall_GivesItsReservationBack()
    {
        var budget = new CallBudget(maxTokens: 300);
        using var service = new ScriptedChatClient((i, _, _) => i < 5 ? throw new IOException("cut") : ScriptedChatClient.Reply("x"));
        using var client = new MeteredChatClient(service, budget);

        for (int i = 0; i < 5; i++)
            await Assert.ThrowsAsync<IOException>(() => client.GetResponseAsync("question", Limit(250)));
        await client.GetResponseAsync("question", Limit(250));

        Assert.Equal(1, budget.Spent.Calls);
    }

    [Fact]
    public async Task Throttle_Concurrency_IsNeverExceededAndIsUsed()
    {
        var go = new TaskCompletionSource();
        using var service = new WaitingChatClient(go.Task);
        using var client = new ThrottledChatClient(service, new ThrottleOptions { MaxConcurrentCalls = 3 });

        Task<ChatResponse>[] calls = [.. Enumerable.Range(0, 10).Select(_ => client.GetResponseAsync("q"))];
        Assert.Equal(3, service.Started);
        go.SetResult();
        await Task.WhenAll(calls);

        Assert.Equal(10, service.Started);
        Assert.Equal(3, service.MostAtOnce);
    }

    [Fact]
    public async Task Throttle_RequestsPerMinute_SpacesCalls()
    {
        // 1200 a minute: 20 at once, then 19 or 20 a second. 30 calls need about half a second more than none.
        using var service = new ScriptedChatClient("x");
        using var client = new ThrottledChatClient(service, new ThrottleOptions { RequestsPerMinute = 1200 });
        long start = Stopwatch.GetTimestamp();

        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => client.GetResponseAsync("q")));

        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.35, 20);
    }

    [Fact]
    public async Task Throttle_TokensPerMinute_PaysForWhatRepliesReallyTook()
    {
        // 12,000 a minute: 200 at once, 190 or so a second. The first call is expected to take 5 and takes 120: the second waits for the
        // difference.
        using var service = new ScriptedChatClient("x");
        using var client = new ThrottledChatClient(service, new ThrottleOptions { TokensPerMinute = 12_000, ExpectedOutputTokens = 0 });
        for (int i = 0; i < 2; i++)
            await client.GetResponseAsync("q");
        long start = Stopwatch.GetTimestamp();

        await client.GetResponseAsync("q"); // 5 + 115 + 5 + 115 of 200 are gone, and 5 more are asked for

        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.05, 20);
    }

    [Fact]
    public async Task Pipeline_WaitingForATurn_IsNoPartOfTheTimeLimit()
    {
        // 120 a minute: two at once, then one each half second. The last of four waits about a second, much longer than a call may take.
        using var service = new ScriptedChatClient("x");
        using var client = service.AsBuilder().UseCallPipeline(new CallPipelineOptions
        {
            CallTimeout = TimeSpan.FromMilliseconds(300),
            Throttle = new ThrottleOptions { RequestsPerMinute = 120 },
            Resilience = new ResilienceOptions { MaxRetries = 0 },
        }).Build();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => client.GetResponseAsync("q")));

        Assert.Equal(4, service.Calls.Count);
    }

    [Fact]
    public async Task TimeLimit_SlowCall_IsATimeoutButACancelledOneIsCancelled()
    {
        var never = new TaskCompletionSource();
        using var service = new WaitingChatClient(never.Task);
        using var client = new TimeLimitedChatClient(service, TimeSpan.FromMilliseconds(30));
        using var patient = new TimeLimitedChatClient(service, Timeout.InfiniteTimeSpan);
        using var stop = new CancellationTokenSource(30);

        await Assert.ThrowsAsync<TimeoutException>(() => client.GetResponseAsync("q"));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => patient.GetResponseAsync("q", cancellationToken: stop.Token));
    }

    [Fact]
    public async Task Pipeline_CancelledWhileACallIsUnderWay_StillWritesDownWhatIsPaidFor_AndSendsNoMore()
    {
        string folder = Directory.CreateTempSubdirectory("tuna-grace").FullName;
        try
        {
            var go = new TaskCompletionSource();
            using var service = new WaitingChatClient(go.Task);
            using (CallJournal journal = CallJournal.Open(Path.Combine(folder, "calls.jsonl")))
            using (IChatClient client = service.AsBuilder()
                .UseCallPipeline(new CallPipelineOptions { Journal = journal, Throttle = new ThrottleOptions { MaxConcurrentCalls = 1 } })
                .Build())
            {
                using var stop = new CancellationTokenSource();
                Task<ChatResponse> sent = client.GetResponseAsync("sent", cancellationToken: stop.Token);
                Task<ChatResponse> waiting = client.GetResponseAsync("waiting", cancellationToken: stop.Token);
                await stop.CancelAsync();
                go.SetResult();

                Assert.Equal("x", (await sent).Text);
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                    client.GetResponseAsync("later", cancellationToken: stop.Token));
                Assert.Equal(1, service.Started);
                Assert.Single(journal.Calls());
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task TimeLimit_CancelledCallThatDoesNotEnd_IsCancelledAfterTheGrace()
    {
        using var service = new WaitingChatClient(new TaskCompletionSource().Task);
        using var client = new TimeLimitedChatClient(service, TimeSpan.FromMinutes(5), TimeSpan.FromMilliseconds(500));
        using var stop = new CancellationTokenSource();
        Task<ChatResponse> call = client.GetResponseAsync("q", cancellationToken: stop.Token);

        await stop.CancelAsync();
        Assert.False(call.IsCompleted);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Throttle_CancelledInTheQueue_Throws()
    {
        var go = new TaskCompletionSource();
        using var service = new WaitingChatClient(go.Task);
        using var client = new ThrottledChatClient(service, new ThrottleOptions { MaxConcurrentCalls = 1 });
        using var stop = new CancellationTokenSource();
        Task<ChatResponse> first = client.GetResponseAsync("q");
        Task<ChatResponse> second = client.GetResponseAsync("q", cancellationToken: stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        go.SetResult();
        await first;
        Assert.Equal(1, service.Started);
    }

    [Fact]
    public async Task Metrics_CountCallsTokensCostAndRetries()
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        var mine = new AsyncLocal<bool> { Value = true }; // other tests run at the same time
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == TunaTelemetry.Name)
                l.EnableMeasurementEvents(instrument);
        };
        void Add(string name, double value)
        {
            if (!mine.Value)
                return;
            lock (sums)
                sums[name] = sums.GetValueOrDefault(name) + value;
        }

        listener.SetMeasurementEventCallback<int>((i, value, _, _) => Add(i.Name, value));
        listener.SetMeasurementEventCallback<long>((i, value, _, _) => Add(i.Name, value));
        listener.SetMeasurementEventCallback<double>((i, value, _, _) => Add(i.Name, value));
        listener.Start();
        using var service = new ScriptedChatClient((i, _, _) => i switch
        {
            0 => throw new IOException("cut"),
            _ => ScriptedChatClient.Reply("a reply"),
        });
        string folder = Directory.CreateTempSubdirectory("tuna-metrics").FullName;
        using (CallJournal journal = CallJournal.Open(Path.Combine(folder, "calls.jsonl")))
        using (var client = service.AsBuilder().UseCallPipeline(new CallPipelineOptions
        {
            Journal = journal,
            Budget = new CallBudget(prices: new TokenPrices(1_000_000, 2_000_000)),
            Resilience = new ResilienceOptions { BaseDelay = TimeSpan.FromMilliseconds(1) },
        }).Build())
        {
            foreach (string question in (string[])["one", "two", "one", "two"])
                await client.GetResponseAsync(question);
        }

        Directory.Delete(folder, recursive: true);
        Assert.Equal(2, sums["tuna.chat.calls"]);
        Assert.Equal(1, sums["tuna.chat.failed_calls"]);
        Assert.Equal(1, sums["tuna.chat.retries"]);
        Assert.Equal(240, sums["gen_ai.client.token.usage"]);
        Assert.True(sums["gen_ai.client.operation.duration"] > 0);
        Assert.Equal(280, sums["tuna.chat.cost"], 1e-9);
        Assert.Equal(2, sums["tuna.chat.replayed_calls"]);
    }

    private sealed class WaitingChatClient(Task go) : IChatClient
    {
        private int _now;
        private int _started;

        public int Started => Volatile.Read(ref _started);

        public int MostAtOnce { get; private set; }

        public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _started);
            int now = Interlocked.Increment(ref _now);
            lock (go)
                MostAtOnce = Math.Max(MostAtOnce, now);
            await go.WaitAsync(cancellationToken);
            Interlocked.Decrement(ref _now);
            return ScriptedChatClient.Reply("x");
        }

        public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
            ChatOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
