using System.Diagnostics;
using Microsoft.Extensions.AI;
using Tuna.Chat.Http;
using Tuna.Chat;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Rankers.Batch;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Batch;

/// <summary>Calls per second with a judge that takes 200 ms and 32 calls at once, through HTTP and the whole pipeline, journal
/// included.</summary>
internal static class ThroughputMeasurement
{
    private const int RowCount = 2000;
    private const int Parallel = 32;
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(200);

    public static async Task RunAsync()
    {
        await using OpenAIServer server =
            await OpenAIServer.StartAsync(_ => ServerReply.Chat("rank: [4, 2, 0, 1, 3]") with { Delay = Latency });
        string folder = Directory.CreateTempSubdirectory("tuna-throughput").FullName;
        try
        {
            using CallJournal journal = CallJournal.Open(Path.Combine(folder, "calls.jsonl"));
            using var client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, Model = "scripted-1" })
                .AsBuilder()
                .UseCallPipeline(new CallPipelineOptions { Journal = journal,
                    Throttle = new ThrottleOptions { MaxConcurrentCalls = Parallel } }).Build();
            var runner = new RankingRunner(new ContextualRanker(client), new RankingRunnerOptions { MaxParallelRows = Parallel });
            await foreach (RankingOutcome _ in runner.RunAsync(Rows("warm-up", Parallel)))
            {
            }

            long start = Stopwatch.GetTimestamp();
            int ranked = 0;
            await foreach (RankingOutcome outcome in runner.RunAsync(Rows("row", RowCount)))
                ranked += outcome.Result is null ? 0 : 1;
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double ideal = Parallel / Latency.TotalSeconds;
            Console.WriteLine(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"{ranked} rows in {seconds:0.00} s: {ranked / seconds:0.0} calls/s, {ranked / seconds / ideal:P1} of {Parallel} / "
                    + $"{Latency.TotalSeconds} s = {ideal:0} calls/s"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async IAsyncEnumerable<RankingRequest> Rows(string name, int count)
    {
        await Task.Yield();
        for (int i = 0; i < count; i++)
            yield return new RankingRequest($"{name}-{i}", $"Instruction {name} {i}", null, [new("a"), new("b"), new("c"), new("d")]);
    }
}
