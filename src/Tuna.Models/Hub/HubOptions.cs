namespace Tuna.Models.Hub;

/// <summary>Where the hub and its cache are: the settings of Hugging Face's own tools, by their environment variables. Immutable.</summary>
public sealed record HubOptions
{
    /// <summary>The service (<c>HF_ENDPOINT</c>). Default <c>https://huggingface.co</c>.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>The cache of downloads (<c>HF_HUB_CACHE</c>, or <c>hub</c> in <c>HF_HOME</c>).</summary>
    public required string CacheFolder { get; init; }

    /// <summary>The token of an account (<c>HF_TOKEN</c>), sent to <see cref="Endpoint"/> alone; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>Whether nothing is asked of the service (<c>HF_HUB_OFFLINE</c>). Default false.</summary>
    public bool Offline { get; init; }

    /// <summary>The settings that environment variables give.</summary>
    /// <param name="variable">A variable's value, or null; the process's own when null.</param>
    /// <exception cref="ArgumentException">HF_ENDPOINT is no web address.</exception>
    public static HubOptions FromEnvironment(Func<string, string?>? variable = null)
    {
        Func<string, string?> read = variable ?? Environment.GetEnvironmentVariable;
        string? Value(string name) => read(name) is { Length: > 0 } value ? value : null;
        string home = Value("HF_HOME")
            ?? Path.Combine(Value("XDG_CACHE_HOME")
                ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "huggingface");
        string endpoint = Value("HF_ENDPOINT") ?? "https://huggingface.co";
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address) || address.Scheme is not ("https" or "http"))
            throw new ArgumentException($"HF_ENDPOINT is '{endpoint}', which is no web address.", nameof(variable));
        return new()
        {
            Endpoint = address,
            CacheFolder = Value("HF_HUB_CACHE") ?? Path.Combine(home, "hub"),
            Token = Value("HF_TOKEN")?.Trim(),
            Offline = Value("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE",
        };
    }

    /// <summary>The options without the token.</summary>
    public override string ToString() => $"{Endpoint}, cache {CacheFolder}{(Offline ? ", offline" : "")}";
}
