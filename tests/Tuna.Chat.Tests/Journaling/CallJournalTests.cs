using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.AI;
using Tuna.Chat.Journaling;
using Tuna.IO;
using Tuna.Numerics;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Journaling;

public sealed class CallJournalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-journal").FullName;

    private string JournalPath => Path.Combine(_folder, "calls.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task GetResponseAsync_AskedBefore_IsReplayedWholeAndFree()
    {
        using var service = new ScriptedChatClient((i, _, _) =>
        {
            ChatResponse reply = ScriptedChatClient.Reply($"reply {i} é\n🐟");
            reply.ModelId = "m-2026";
            new ReplyLogProb(-1.5, 3).AttachTo(reply);
            return reply;
        });
        using (CallJournal journal = CallJournal.Open(JournalPath))
        using (var client = new JournalingChatClient(service, journal))
            await client.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options);

        using CallJournal again = CallJournal.Open(JournalPath);
        using var replaying = new JournalingChatClient(service, again);
        ChatResponse response = await replaying.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options);

        Assert.Single(service.Calls);
        Assert.Equal("reply 0 é\n🐟", response.Text);
        Assert.Equal("m-2026", response.ModelId);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(100, response.Usage!.InputTokenCount);
        Assert.Equal(new ReplyLogProb(-1.5, 3), ReplyLogProb.Of(response));
        Assert.Equal(CallUsage.None, CallUsage.Of(response));
        Assert.Equal(new CallUsage(1, 100, 20, 0.00014m), again.Usage(new TokenPrices(1, 2)));
        string line = Assert.Single(File.ReadAllLines(JournalPath));
        Assert.Contains("reply 0 é\\n", line, StringComparison.Ordinal); // readable, and on one line
    }

    [Fact]
    public void Of_WhatMakesACallTheSame()
    {
        string key = CallKey.Of([JournalWriter.Question(1)], JournalWriter.Options);

        Assert.Equal(key, CallKey.Of([JournalWriter.Question(1)], JournalWriter.Options));
        Assert.Equal(64, key.Length);
        CallOptions[] others =
        [
            new() { ModelId = "other", Temperature = 0, PromptVersion = "v" },
            new() { ModelId = "m", Temperature = 1, PromptVersion = "v" },
            new() { ModelId = "m", Temperature = 0, PromptVersion = "w" },
            new() { ModelId = "m", Temperature = 0, PromptVersion = "v", PresentedOrder = [1, 0] },
            new() { ModelId = "m", Temperature = 0, PromptVersion = "v", Seed = 1 },
        ];
        Assert.Equal(7, others.Select(o => CallKey.Of([JournalWriter.Question(1)], o)).Append(key)
            .Append(CallKey.Of([JournalWriter.Question(2)], JournalWriter.Options)).Distinct().Count());
        Assert.NotEqual(
            CallKey.Of([new(ChatRole.User, "ab"), new(ChatRole.User, "c")], null),
            CallKey.Of([new(ChatRole.User, "a"), new(ChatRole.User, "bc")], null));
    }

    [Fact]
    public async Task GetResponseAsync_SameCallAtOnce_IsSentOnce()
    {
        var go = new TaskCompletionSource();
        using var service = new SlowChatClient(go.Task);
        using CallJournal journal = CallJournal.Open(JournalPath);
        using var client = new JournalingChatClient(service, journal);

        Task<ChatResponse>[] calls =
            [.. Enumerable.Range(0, 10).Select(_ => client.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options))];
        go.SetResult();
        ChatResponse[] replies = await Task.WhenAll(calls);

        Assert.Equal(1, service.Calls);
        Assert.All(replies, r => Assert.Equal("done", r.Text));
    }

    [Fact]
    public async Task GetResponseAsync_FirstOfTwoFails_TheSecondAsksItself()
    {
        int calls = 0;
        using var service = new ScriptedChatClient((_, _, _) => Interlocked.Increment(ref calls) == 1
            ? throw new IOException("cut") : ScriptedChatClient.Reply("fine"));
        using CallJournal journal = CallJournal.Open(JournalPath);
        using var client = new JournalingChatClient(service, journal);

        await Assert.ThrowsAsync<IOException>(() => client.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options));
        ChatResponse reply = await client.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options);

        Assert.Equal("fine", reply.Text);
        Assert.Equal(1, journal.Count);
    }

    [Fact]
    public async Task GetResponseAsync_CutOffReply_IsAskedAgainOnlyWithAnotherLimit()
    {
        using var service = new ScriptedChatClient((i, _, _) =>
            ScriptedChatClient.Reply("x", i == 0 ? ChatFinishReason.Length : ChatFinishReason.Stop));
        using CallJournal journal = CallJournal.Open(JournalPath);
        using var client = new JournalingChatClient(service, journal);
        static CallOptions Limit(int n) => new() { ModelId = "m", MaxOutputTokens = n };

        await client.GetResponseAsync([JournalWriter.Question(1)], Limit(10));
        await client.GetResponseAsync([JournalWriter.Question(1)], Limit(10));
        Assert.Single(service.Calls);
        await client.GetResponseAsync([JournalWriter.Question(1)], Limit(20));
        Assert.Equal(2, service.Calls.Count);
        await client.GetResponseAsync([JournalWriter.Question(1)], Limit(30)); // a whole reply is an answer under any limit
        Assert.Equal(2, service.Calls.Count);
    }

    [Fact]
    public void Open_SecondJournalOnTheFile_IsRefused()
    {
        using CallJournal journal = CallJournal.Open(JournalPath);

        Assert.Contains(JournalPath, Assert.ThrowsAny<IOException>(() => CallJournal.Open(JournalPath)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_SecondProcess_IsRefused()
    {
        using CallJournal journal = CallJournal.Open(JournalPath);
        using Process process = StartWriter(0);

        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.NotEqual(0, process.ExitCode);
        Assert.Contains("is in use", error, StringComparison.Ordinal);
        Assert.Equal(0, journal.Count);
    }

    [SkippableFact]
    public async Task GetResponseAsync_NoRoomForTheReply_StopsAndLeavesTheJournalWhole()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "The limit of a file's size is set with the shell's ulimit.");
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // the runtime's own large files
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(
            $"trap '' XFSZ; ulimit -f 200; exec dotnet exec '{typeof(CallJournalTests).Assembly.Location}' write-journal '{JournalPath}' "
            + $"0");
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string[] arrived = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();

        Assert.NotEqual(0, process.ExitCode);
        Assert.Contains(nameof(JournalWriteException), await error, StringComparison.Ordinal);
        using CallJournal journal = CallJournal.Open(JournalPath);
        Assert.NotEmpty(arrived);
        Assert.Equal(arrived.Length, journal.Count);
        Assert.Equal(0, journal.RepairedBytes); // the half line was taken back at once
    }

    [Fact]
    public async Task GetStreamingResponseAsync_GoesThroughTheJournalToo()
    {
        using var service = new ScriptedChatClient("once");
        using CallJournal journal = CallJournal.Open(JournalPath);
        using var client = new JournalingChatClient(service, journal);
        for (int i = 0; i < 2; i++)
        {
            string text = "";
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([JournalWriter.Question(1)],
                JournalWriter.Options))
                text += update.Text;
            Assert.Equal("once", text);
        }

        Assert.Single(service.Calls);
    }

    [Fact]
    public async Task Open_CutAtAnyByte_KeepsEveryWholeLineAndGoesOn()
    {
        const int Calls = 40, Cuts = 200;
        using (CallJournal journal = CallJournal.Open(JournalPath))
        using (var client = Client(journal))
        {
            for (int i = 0; i < Calls; i++)
                await client.GetResponseAsync([JournalWriter.Question(i)], JournalWriter.Options);
        }

        byte[] whole = await File.ReadAllBytesAsync(JournalPath);
        int[] ends = [.. Enumerable.Range(0, whole.Length).Where(i => whole[i] == '\n')];
        var rng = new Rng(1);
        for (int cut = 0; cut < Cuts; cut++)
        {
            // Half of the cuts near a line's end, where the cases are.
            int length = cut % 2 == 0
                ? rng.Next(whole.Length + 1) : Math.Clamp(ends[rng.Next(ends.Length)] + rng.Next(5) - 2, 0, whole.Length);
            string path = Path.Combine(_folder, "cut.jsonl");
            await File.WriteAllBytesAsync(path, whole[..length]);
            int complete = ends.Count(end => end <= length); // a line that lacks its newline alone is whole
            using (CallJournal journal = CallJournal.Open(path))
            using (var client = Client(journal))
            {
                Assert.Equal(complete, journal.Count);
                await client.GetResponseAsync([JournalWriter.Question(1000)], JournalWriter.Options);
            }

            using CallJournal again = CallJournal.Open(path);
            Assert.Equal(complete + 1, again.Count);
            Assert.Equal(0, again.SkippedLines);
            Assert.Equal(JournalWriter.Reply(1000), again.Find(CallKey.Of([JournalWriter.Question(1000)], JournalWriter.Options))!.Reply);
        }
    }

    [Fact]
    public void Open_LineThatIsNoCall_IsLeftAloneAndCounted()
    {
        File.WriteAllText(JournalPath, "{\"key\":\"k\",\"reply\":\"r\"}\nnonsense\n{\"key\":1}\n{\"key\":\"k2\",\"reply\":\"r2\"}\n");

        using CallJournal journal = CallJournal.Open(JournalPath);

        Assert.Equal(2, journal.Count);
        Assert.Equal(2, journal.SkippedLines);
        Assert.Equal("r2", journal.Find("k2")!.Reply);
        Assert.Equal(4, File.ReadAllLines(JournalPath).Length);
    }

    /// <summary>A process that writes a journal is killed at random moments; TUNA_KILLS sets how often (the default keeps the suite
    /// fast).</summary>
    [Fact]
    public async Task Kill9_AtRandomMoments_EveryReplyThatHadArrivedIsThere()
    {
        int kills = int.TryParse(Environment.GetEnvironmentVariable("TUNA_KILLS"), NumberStyles.None, CultureInfo.InvariantCulture,
            out int n) ? n : 8;
        var rng = new Rng(2);
        int next = 0;
        var arrived = new List<int>();
        for (int kill = 0; kill < kills; kill++)
        {
            arrived.AddRange(await WriteAndKillAsync(next, linesBeforeKill: 1 + rng.Next(60), extraMicroseconds: rng.Next(3000)));
            next = arrived[^1] + 1;
            using CallJournal journal = CallJournal.Open(JournalPath);
            Assert.Equal(0, journal.SkippedLines);
            Assert.InRange(journal.Count, arrived.Count, arrived.Count + kill + 1); // written but not yet said: at most one a kill
        }

        using CallJournal last = CallJournal.Open(JournalPath);
        foreach (int i in arrived)
            Assert.Equal(JournalWriter.Reply(i), last.Find(CallKey.Of([JournalWriter.Question(i)], JournalWriter.Options))?.Reply);
        Assert.True(arrived.Count >= kills);
    }

    private async Task<List<int>> WriteAndKillAsync(int first, int linesBeforeKill, int extraMicroseconds)
    {
        using Process process = StartWriter(first);
        var lines = new List<int>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            lines.Add(int.Parse(line, CultureInfo.InvariantCulture));
            if (lines.Count != linesBeforeKill)
                continue;
            var wait = Stopwatch.StartNew();
            while (wait.Elapsed.TotalMicroseconds < extraMicroseconds)
                Thread.SpinWait(10);
            process.Kill(); // SIGKILL where there are signals
        }

        await process.WaitForExitAsync();
        // The last line may be torn; ReadLine cannot tell, but a number that was cut is a number of a reply that had arrived as well only
        // if it is in sequence.
        return [.. lines.TakeWhile((x, i) => x == first + i)];
    }

    private Process StartWriter(int first)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } dotnet && Path.GetFileNameWithoutExtension(dotnet) == "dotnet"
            ? dotnet : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.ASCII,
        };
        foreach (string argument in (string[])["exec", typeof(CallJournalTests).Assembly.Location, "write-journal", JournalPath,
            first.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static JournalingChatClient Client(CallJournal journal) => new(
        new ScriptedChatClient((_, messages, _) =>
            ScriptedChatClient.Reply(JournalWriter.Reply(int.Parse(messages[0].Text, CultureInfo.InvariantCulture)))), journal);

    private sealed class SlowChatClient(Task go) : IChatClient
    {
        private int _calls;

        public int Calls => _calls;

        public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _calls);
            await go;
            return ScriptedChatClient.Reply("done");
        }

        public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
            ChatOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
