namespace Tuna.Policies;

/// <summary>A language model that scores and samples responses.</summary>
/// <remarks>
/// An instance is used by one thread at a time; it may use several threads inside. The same inputs, seed and thread count
/// give the same bits. Engines check ids and lengths with <see cref="PolicyGuard"/>, whose <see cref="ArgumentException"/> names the group or request.
/// </remarks>
public interface IPolicyModel : IDisposable
{
    /// <summary>What the policy is: sizes that callers need.</summary>
    PolicyInfo Info { get; }

    /// <summary>Computes the log-probability of every response of every group.</summary>
    /// <param name="groups">The groups to score.</param>
    /// <param name="logProbs">Receives, group after group and response after response, the SUM over the response's tokens of log p(token), in nats, [R].</param>
    /// <param name="cancellationToken">Stops between groups.</param>
    /// <exception cref="ArgumentException">A token id is outside the vocabulary, a sequence exceeds the context, or <paramref name="logProbs"/> is not [R].</exception>
    void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default);

    /// <summary>Samples responses; each request's prompt is computed once and shared by its samples.</summary>
    /// <param name="requests">What to sample. A sample depends on its own request only, never on the others in the batch.</param>
    /// <param name="cancellationToken">Stops between tokens.</param>
    /// <returns>For each request, its <see cref="SamplingRequest.Count"/> samples.</returns>
    IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests, CancellationToken cancellationToken = default);
}

/// <summary>Sizes of a policy.</summary>
/// <param name="VocabularySize">Number of token ids, V.</param>
/// <param name="ContextLength">Longest sequence, prompt plus response, in tokens.</param>
/// <param name="HiddenSize">Model width, D.</param>
/// <param name="LayerCount">Number of decoder layers.</param>
/// <param name="ParameterCount">Number of distinct parameters (a tied embedding counts once).</param>
public sealed record PolicyInfo(int VocabularySize, int ContextLength, int HiddenSize, int LayerCount, long ParameterCount)
{
    /// <summary>Whether its scores are rewards, which lengths do not enter (a proxy ranking model), instead of log-probabilities, which are sums over tokens. Default false.</summary>
    public bool GivesRewards { get; init; }
}

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
}

/// <summary>One sampled response.</summary>
/// <param name="Tokens">New token ids, the stop token included when one was met.</param>
/// <param name="LogProb">Sum of log p(token) under the policy itself (temperature 1, nothing cut off), in nats.</param>
/// <param name="Stopped">True when a stop token ended it, false when the budget did.</param>
public sealed record SampledResponse(IReadOnlyList<int> Tokens, double LogProb, bool Stopped);
