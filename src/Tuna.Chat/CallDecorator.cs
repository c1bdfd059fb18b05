using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Tuna.Chat;

/// <summary>A chat client that passes on to another, and whose streaming form goes the same way as the whole reply, so that nothing
/// bypasses it.</summary>
/// <param name="inner">The client that is decorated; it is disposed with this one.</param>
internal abstract class CallDecorator(IChatClient inner) : DelegatingChatClient(inner)
{
    /// <inheritdoc/>
    public sealed override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
        ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChatResponse response = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (ChatResponseUpdate update in response.ToChatResponseUpdates())
            yield return update;
    }
}
