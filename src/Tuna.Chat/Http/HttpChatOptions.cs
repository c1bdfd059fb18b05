namespace Tuna.Chat.Http;

/// <summary>Where a service is and what it is asked for in every call.</summary>
public sealed record HttpChatOptions
{
    /// <summary>OpenAI's own address.</summary>
    public static Uri OpenAI { get; } = new("https://api.openai.com/v1/");

    /// <summary>The service's base address, such as <c>http://localhost:8000/v1/</c>. Default: OpenAI's own.</summary>
    public Uri BaseAddress { get; init; } = OpenAI;

    /// <summary>The model; a call's own options come first. Null for servers that have one model only.</summary>
    public string? Model { get; init; }

    /// <summary>
    /// Sent as a bearer token; null or empty for none. It is taken out of every text that comes back, whatever the service repeats, so that
    /// it stands in no message, journal or log.
    /// </summary>
    public string? ApiKey { get; init; }

    /// <summary>
    /// Whether the key may be sent over plain http to another machine than this one, where everyone on the way can read it. Default false:
    /// such a client is refused. Loopback addresses are always allowed.
    /// </summary>
    public bool AllowKeyOverHttp { get; init; }

    /// <summary>Whether token log-probabilities are asked for, as teachers need. Default false.</summary>
    public bool LogProbs { get; init; }

    /// <summary>The path after the base address; null for the protocol's own (<c>chat/completions</c> or <c>completions</c>).
    /// <c>/completion</c> is llama.cpp's native one.</summary>
    public string? Path { get; init; }

    /// <summary>Largest answer that is taken, bytes, at least 1024; a larger one ends the call with
    /// <see cref="Errors.ServiceError.TooLarge"/>. Default 16 MiB.</summary>
    public int MaxAnswerBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing, outside its range or unsafe; the message says which, and never shows the
    /// key.</exception>
    public void Validate()
    {
        if (BaseAddress is not { IsAbsoluteUri: true } || BaseAddress.Scheme is not ("http" or "https"))
            throw new ArgumentException($"{nameof(BaseAddress)} must be an absolute address that begins with http:// or https://.");
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAnswerBytes, 1024);
        if (Secret is not { } key)
            return;
        if (key.Any(c => c is <= ' ' or > '~'))
            throw new ArgumentException(
                $"{nameof(ApiKey)} holds a blank, a line break or a character that no HTTP header can carry; it may have been copied with "
                + $"something around it.");
        if (BaseAddress.Scheme == "http" && !BaseAddress.IsLoopback && !AllowKeyOverHttp)
            throw new ArgumentException(
                $"The key would go to {BaseAddress.Host} over plain http, where everyone on the way can read it. Use https, leave the key "
                + $"out, or set {nameof(AllowKeyOverHttp)}.");
    }

    /// <summary>The address, without anything secret.</summary>
    public override string ToString() => $"{nameof(HttpChatOptions)} {{ {BaseAddress?.Host}, {Model} }}";

    internal string? Secret => string.IsNullOrWhiteSpace(ApiKey) ? null : ApiKey.Trim();

    internal Uri Resolve(string protocolPath)
    {
        string address = BaseAddress.AbsoluteUri;
        var folder = new Uri(address.EndsWith('/') ? address : address + "/"); // without the slash the last segment would be replaced
        return new Uri(folder, Path ?? protocolPath);
    }
}
