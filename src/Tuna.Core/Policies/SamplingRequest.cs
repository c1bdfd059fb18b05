namespace Tuna.Policies;

/// <summary>A request for samples that continue one prompt.</summary>
public sealed record SamplingRequest
{
    /// <summary>Prompt token ids, [P], P >= 1.</summary>
    public required ReadOnlyMemory<int> Prompt { get; init; }

    /// <summary>How many independent samples. Default 1.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Most new tokens per sample, the stop token included. Default 128.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Softmax temperature, >= 0; 0 is greedy. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keep the k likeliest tokens; 0 keeps all. Default 0.</summary>
    public int TopK { get; init; }

    /// <summary>Nucleus sampling: keep the smallest set of tokens with this probability, (0, 1]. Default 1.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Seed; sample k of the request draws from a stream derived from (seed, k).</summary>
    public ulong Seed { get; init; }

    /// <summary>Token ids that end a sample; the one met is the sample's last token.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>
    /// Called with a sample's number and each of its tokens, in their order, as they are drawn; null for nobody. It runs within the
    /// sampling and must not use the policy; what it throws ends the sampling.
    /// </summary>
    public Action<int, int>? Drawn { get; init; }
}

/// <summary>One sampled response.</summary>
/// <param name="Tokens">New token ids, the stop token included when one was met.</param>
/// <param name="LogProb">Sum of log p(token) under the policy itself (temperature 1, nothing cut off), in nats.</param>
/// <param name="Stopped">True when a stop token ended it, false when the budget did.</param>
public sealed record SampledResponse(IReadOnlyList<int> Tokens, double LogProb, bool Stopped);
