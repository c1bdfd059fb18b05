using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Models.Sampling;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Draws one token from logits: greedy, or by temperature from what <see cref="TokenCutoff"/> leaves.</summary>
/// <remarks>One per worker: it keeps its lists from token to token. What is cut off changes no token's noise.</remarks>
internal sealed unsafe class TokenSampler : IDisposable
{
    private readonly NativeBuffer _weights = new();
    private readonly TokenCutoff _cutoff = new();

    /// <summary>Draws a token.</summary>
    /// <param name="logits">Logits, [V].</param>
    /// <param name="count">V.</param>
    /// <param name="request">How to draw.</param>
    /// <param name="noise">What decides; greedy drawing needs none.</param>
    /// <returns>The token and its log-probability at temperature 1 with nothing cut off; -1 and NaN when the logits are not
    /// finite.</returns>
    public (int Token, double LogProb) Draw(float* logits, int count, SamplingRequest request, GumbelNoise noise)
    {
        float max = VectorMath.Max(logits, count);
        int token = Pick(logits, count, max, request, noise);
        return (token, token < 0 ? double.NaN : logits[token] - (max + Math.Log(VectorMath.SumExp(logits, count, 1, max))));
    }

    /// <summary>As <see cref="Draw"/>, the token alone.</summary>
    public int Pick(float* logits, int count, SamplingRequest request, GumbelNoise noise) =>
        Pick(logits, count, VectorMath.Max(logits, count), request, noise);

    public void Dispose() => _weights.Dispose();

    private int Pick(float* logits, int count, float max, SamplingRequest request, GumbelNoise noise)
    {
        if (!float.IsFinite(max))
            return -1;
        if (request.Temperature == 0)
            return new ReadOnlySpan<float>(logits, count).IndexOf(max);
        var all = new ReadOnlySpan<float>(logits, count);
        if (request.TopK == 0 && request.TopP == 1)
            return noise.ArgMax(all, max, request.Temperature);
        float scale = (float)Math.Min(1 / request.Temperature, GumbelNoise.LargestInverseTemperature);
        float* weights = _weights.Ensure(count);
        double total = VectorMath.ExpSum(logits, weights, count, scale, max * scale);
        (float least, int lastId) = _cutoff.Last(all, new ReadOnlySpan<float>(weights, count), total, request.TopK, request.TopP);
        return noise.ArgMax(all, max, request.Temperature, least, lastId);
    }
}
