using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.AI;

namespace Tuna.Chat.Journaling;

/// <summary>What makes two calls the same: the service, the prompt (every message), the order of what is shown, the model, the temperature
/// and the prompt's version.</summary>
/// <remarks>Also the seed and top-p where they are set. The limit of the reply's length is left out: a reply that was complete stays an
/// answer under another limit.</remarks>
internal static class CallKey
{
    /// <summary>SHA-256 of the call, in hexadecimal.</summary>
    /// <param name="messages">Every message, in order.</param>
    /// <param name="options">The call's options; <see cref="CallOptions"/> tell the order and the version too.</param>
    /// <param name="service">Who is asked: its address, and its model for options that name none; null when the client does not
    /// tell.</param>
    public static string Of(IEnumerable<ChatMessage> messages, ChatOptions? options, ChatClientMetadata? service = null) =>
        Of(messages, options, service?.DefaultModelId, Endpoint(service));

    /// <summary>The key of earlier versions, which knew no service; their journals are read by it.</summary>
    internal static string WithoutService(IEnumerable<ChatMessage> messages, ChatOptions? options, ChatClientMetadata? service) =>
        Of(messages, options, service?.DefaultModelId, endpoint: null);

    /// <summary>A service's address as it may be written down: neither user name nor password, neither query nor fragment, where keys may
    /// stand.</summary>
    internal static string? Endpoint(ChatClientMetadata? service) =>
        service?.ProviderUri is { IsAbsoluteUri: true } uri
            ? uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/') : null;

    private static string Of(IEnumerable<ChatMessage> messages, ChatOptions? options, string? defaultModel, string? endpoint)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var call = options as CallOptions;
        if (endpoint is not null)
            Append(hash, endpoint);
        Append(hash, options?.ModelId ?? defaultModel ?? "");
        Append(hash, options?.Temperature?.ToString("R", CultureInfo.InvariantCulture) ?? "");
        Append(hash, options?.TopP?.ToString("R", CultureInfo.InvariantCulture) ?? "");
        Append(hash, options?.Seed?.ToString(CultureInfo.InvariantCulture) ?? "");
        Append(hash, call?.PromptVersion ?? "");
        Append(hash, call?.PresentedOrder is { } order ? string.Join(',', order) : "");
        foreach (ChatMessage message in messages)
        {
            Append(hash, message.Role.Value);
            Append(hash, message.Text);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        hash.AppendData(BitConverter.GetBytes(bytes.Length)); // lengths keep ("ab", "c") apart from ("a", "bc")
        hash.AppendData(bytes);
    }
}
