using Microsoft.Extensions.AI;

namespace Tuna.Chat.Limits;

/// <summary>How many tokens a call takes, guessed from its texts.</summary>
internal static class TokenEstimate
{
    private const int DefaultMaxOutput = 2048;

    // Services count about four characters of English a token; three errs on the dear side.
    public static long Text(string text) => (text.Length + 2L) / 3;

    // Four tokens a message are its frame.
    public static long Input(IEnumerable<ChatMessage> messages) => messages.Sum(m => Text(m.Text) + 4);

    public static long MaxOutput(ChatOptions? options) => options?.MaxOutputTokens ?? DefaultMaxOutput;
}
