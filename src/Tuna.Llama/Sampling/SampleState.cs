using Tuna.Models.Sampling;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Sampling;

/// <summary>One sample that is being drawn.</summary>
internal sealed class SampleState(SamplingRequest request, int requestIndex, int number)
{
    private readonly ulong _stream = Rng.Derive(request.Seed, (ulong)number);

    public SamplingRequest Request { get; } = request;

    /// <summary>Which request it belongs to.</summary>
    public int RequestIndex { get; } = requestIndex;

    public List<int> Tokens { get; } = [];

    public double LogProb { get; private set; }

    public bool Stopped { get; private set; }

    public bool Done => Stopped || Tokens.Count == Request.MaxNewTokens;

    /// <summary>The hash that the noise of a place comes from: see <see cref="GumbelNoise"/>.</summary>
    public ulong NoiseKey(int place) => Rng.Derive(_stream, (ulong)place);

    /// <summary>Draws the next token from logits, [V].</summary>
    public void Draw(ReadOnlySpan<float> logits, TokenSampler sampler)
    {
        (int token, double logProb) = sampler.Draw(logits, Request, new GumbelNoise(_stream, Tokens.Count));
        Add(token, logProb);
    }

    /// <summary>Takes over a token that was drawn; what was drawn after the end is dropped.</summary>
    public void Add(int token, double logProb)
    {
        if (Done)
            return;
        if (!double.IsFinite(logProb))
            throw new InvalidOperationException("The model's logits are not finite, so nothing can be sampled from it.");
        Tokens.Add(token);
        LogProb += logProb;
        Stopped = Request.StopTokens.Contains(token);
        Request.Drawn?.Invoke(number, token);
    }

    public SampledResponse ToResponse() => new(Tokens, LogProb, Stopped);
}
