using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.IO;
using Tuna.Numerics;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Journaling;

/// <summary>What happens to a journal from outside is noticed and said, and never changes a reply.</summary>
public sealed class JournalDamageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-damage").FullName;

    private string JournalPath => Path.Combine(_folder, "calls.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Open_AnyBitFlipped_NoReplyChangesAndEveryLostLineIsSaid()
    {
        const int Calls = 12, Flips = 1500;
        using (CallJournal journal = CallJournal.Open(JournalPath))
        using (IChatClient client =
            Asking((i, _, _) => ScriptedChatClient.Reply($"rank: [{i}, 0] \u00E9", input: 100 + i, output: 20), journal))
        {
            for (int i = 0; i < Calls; i++)
                await client.GetResponseAsync([JournalWriter.Question(i)], JournalWriter.Options);
        }

        Dictionary<string, JournaledCall> whole;
        using (CallJournal journal = CallJournal.Open(JournalPath))
            whole = journal.Calls().ToDictionary(call => call.Key);
        byte[] bytes = await File.ReadAllBytesAsync(JournalPath);
        var rng = new Rng(7);
        string path = Path.Combine(_folder, "flipped.jsonl");
        int noticed = 0;
        for (int flip = 0; flip < Flips; flip++)
        {
            byte[] flipped = [.. bytes];
            flipped[rng.Next(bytes.Length)] ^= (byte)(1 << rng.Next(8));
            await File.WriteAllBytesAsync(path, flipped);
            using CallJournal journal = CallJournal.Open(path);
            foreach (JournaledCall call in journal.Calls())
                Assert.Equal(whole[call.Key], call);
            if (journal.Count == Calls)
                continue;
            noticed++;
            Assert.InRange(journal.Count, Calls - 2, Calls - 1); // a line; two, where its end was hit
            Assert.Contains(path, journal.Problems!, StringComparison.Ordinal);
        }

        Assert.InRange(noticed, Flips * 9 / 10, Flips);
    }

    [Fact]
    public void Problems_NameTheLines()
    {
        File.WriteAllText(JournalPath,
            "{\"key\":\"k\",\"reply\":\"r\"}\nnonsense\n{\"key\":1}\n{\"\\ud800\":1}\n{\"key\":null,\"reply\":\"r\"}\n");

        using CallJournal journal = CallJournal.Open(JournalPath);

        Assert.Equal((1, 4), (journal.Count, journal.SkippedLines));
        Assert.Contains("(2, 3, 4, 5)", journal.Problems!, StringComparison.Ordinal);
        Assert.Contains("asked again", journal.Problems!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dispose_DuringARun_StopsItBeforeAnythingIsPaid()
    {
        using var service = new ScriptedChatClient("x");
        CallJournal journal = CallJournal.Open(JournalPath);
        using IChatClient client = service.AsBuilder().UseCallPipeline(new CallPipelineOptions { Journal = journal }).Build();
        await client.GetResponseAsync("one");
        journal.Dispose();

        var e = await Assert.ThrowsAsync<JournalWriteException>(() => client.GetResponseAsync("two"));

        Assert.Single(service.Calls);
        Assert.Equal(CallVerdict.Stop, CallErrorClassifier.Default.Classify(e).Verdict);
        Assert.Equal("x", (await client.GetResponseAsync("one")).Text); // what is known is known
    }

    [Fact]
    public async Task Service_OfTheSameModelElsewhere_IsAskedItself()
    {
        await using OpenAIServer first = await OpenAIServer.StartAsync(_ => ServerReply.Chat("first"));
        await using OpenAIServer second = await OpenAIServer.StartAsync(_ => ServerReply.Chat("second"));
        using CallJournal journal = CallJournal.Open(JournalPath);
        async Task<string> Ask(OpenAIServer server)
        {
            using IChatClient client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, Model = "m" })
                .AsBuilder().UseJournal(journal).Build();
            return (await client.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options)).Text;
        }

        Assert.Equal(["first", "second", "first", "second"], [await Ask(first), await Ask(second), await Ask(first), await Ask(second)]);

        Assert.Equal((1, 1), (first.Calls, second.Calls));
        Assert.Equal(2, journal.Calls().Select(call => call.Endpoint).Distinct().Count());
    }

    [Fact]
    public async Task Journal_OfAnEarlierVersion_IsStillRead()
    {
        string key = CallKey.WithoutService([JournalWriter.Question(1)], JournalWriter.Options, null);
        await File.WriteAllTextAsync(JournalPath,
            $$"""{"key":"{{key}}","model":"m","reply":"old","finish":"stop","input_tokens":10,"output_tokens":5}""" + "\n");
        await using OpenAIServer server = await OpenAIServer.StartAsync(_ => ServerReply.Chat("new"));
        using CallJournal journal = CallJournal.Open(JournalPath);
        using IChatClient client = new ChatCompletionsClient(new HttpChatOptions { BaseAddress = server.Address, Model = "m" }).AsBuilder()
            .UseJournal(journal).Build();

        ChatResponse response = await client.GetResponseAsync([JournalWriter.Question(1)], JournalWriter.Options);

        Assert.Equal("old", response.Text);
        Assert.Equal(CallUsage.None, CallUsage.Of(response));
        Assert.Equal(0, server.Calls);
    }

    private static IChatClient Asking(Func<int, IReadOnlyList<ChatMessage>, ChatOptions?, ChatResponse> reply, CallJournal journal) =>
        new ScriptedChatClient(reply).AsBuilder().UseJournal(journal).Build();
}
