using System.Globalization;
using Microsoft.Extensions.AI;
using Tuna.Chat.Journaling;
using Tuna.Numerics;
using Tuna.Testing.Services;

namespace Tuna.Chat.Tests.Journaling;

/// <summary>The process that the kill tests kill: asks question after question through a journal and says on its standard output which
/// answers have arrived.</summary>
internal static class JournalWriter
{
    public static async Task WriteAsync(string path, int first)
    {
        using CallJournal journal = CallJournal.Open(path);
        using var judge = new ScriptedChatClient((_, messages, _) =>
            ScriptedChatClient.Reply(Reply(int.Parse(messages[0].Text, CultureInfo.InvariantCulture))));
        using var client = new JournalingChatClient(judge, journal);
        await using Stream output = Console.OpenStandardOutput();
        for (int i = first; ; i++)
        {
            await client.GetResponseAsync([Question(i)], Options);
            await output.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"{i}\n")); // unbuffered: said only when it has arrived
        }
    }

    public static CallOptions Options => new() { ModelId = "m", Temperature = 0, PromptVersion = "v" };

    public static ChatMessage Question(int i) => new(ChatRole.User, i.ToString(CultureInfo.InvariantCulture));

    public static string Reply(int i)
    {
        var rng = new Rng((ulong)i);
        return $"reply {i} \"é🐟\"\n" + new string((char)('a' + rng.Next(26)), rng.Next(20_000));
    }
}
