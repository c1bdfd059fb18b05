using Tuna.Models.Sampling;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>One sample that is being drawn.</summary>
internal sealed class SampleState(SamplingRequest request, int requestIndex, int number)
{
    private readonly ulong _stream = Rng.Derive(request.Seed, (ulong)number);

    public SamplingRequest Request { get; } = request;

    /// <summary>Which request it belongs to.</summary>
    public int RequestIndex { get; } = requestIndex;

    /// <summary>First row of its prompt in the cache.</summary>
    public int PromptRow { get; set; }

    /// <summary>Its own part of the cache.</summary>
    public int CacheSlot { get; set; }

    public List<int> Tokens { get; } = [];

    /// <summary>Tokens that may follow, of which nothing is known yet.</summary>
    public List<int> Draft { get; } = [];

    public double LogProb { get; private set; }

    public bool Stopped { get; private set; }

    public bool Done => Stopped || Left == 0;

    /// <summary>Tokens that may be added.</summary>
    public int Left => Request.MaxNewTokens - Tokens.Count;

    /// <summary>Whether a token after the draft's last may be drafted: the exact weights draw one more in any case, and a stop token is the
    /// last.</summary>
    public bool DraftGoesOn => Left > Draft.Count + 1 && (Draft.Count == 0 || !Request.StopTokens.Contains(Draft[^1]));

    /// <summary>What decides the token that comes <paramref name="ahead"/> after the next.</summary>
    public GumbelNoise Noise(int ahead) => new(_stream, Tokens.Count + ahead);

    /// <summary>Adds a token that was drawn.</summary>
    /// <exception cref="InvalidOperationException">None was: the logits were not finite.</exception>
    public void Add(int token, double logProb)
    {
        if (token < 0)
            throw new InvalidOperationException("The model's logits are not finite, so nothing can be sampled from it.");
        Tokens.Add(token);
        LogProb += logProb;
        Stopped = Request.StopTokens.Contains(token);
        Request.Drawn?.Invoke(number, token);
    }

    public SampledResponse ToResponse() => new(Tokens, LogProb, Stopped);
}
