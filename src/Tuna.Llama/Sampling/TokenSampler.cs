using System.Numerics.Tensors;
using Tuna.Models.Sampling;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Sampling;

/// <summary>Draws one token from logits: greedy, or by temperature from what <see cref="TokenCutoff"/> leaves.</summary>
/// <remarks>Keeps its buffers from token to token. What is cut off changes no token's noise.</remarks>
internal sealed class TokenSampler
{
    private readonly TokenCutoff _cutoff = new();
    private float[] _weights = [];

    /// <summary>Draws a token.</summary>
    /// <param name="logits">Logits, [V].</param>
    /// <param name="request">How to draw.</param>
    /// <param name="noise">What decides; greedy drawing needs none.</param>
    /// <returns>The token and its log-probability at temperature 1 with nothing cut off.</returns>
    /// <exception cref="InvalidOperationException">The logits are not finite.</exception>
    public (int Token, double LogProb) Draw(ReadOnlySpan<float> logits, SamplingRequest request, GumbelNoise noise)
    {
        if (_weights.Length < logits.Length)
            _weights = new float[logits.Length];
        Span<float> weights = _weights.AsSpan(0, logits.Length);
        float max = TensorPrimitives.Max(logits);
        double logSum = max + Math.Log(Weigh(logits, max, 1, weights));
        if (!double.IsFinite(logSum))
            throw new InvalidOperationException("The model's logits are not finite, so nothing can be sampled from it.");
        int token;
        if (request.Temperature == 0)
            token = logits.IndexOf(max);
        else if (request.TopK == 0 && request.TopP == 1)
            token = noise.ArgMax(logits, max, request.Temperature);
        else
            token = FromSome(logits, max, request, noise);
        return (token, logits[token] - logSum);
    }

    /// <summary>w = exp((z - max) / temperature); returns their sum.</summary>
    private static double Weigh(ReadOnlySpan<float> logits, float max, float scale, Span<float> weights)
    {
        TensorPrimitives.Subtract(logits, max, weights);
        if (scale != 1)
            TensorPrimitives.Multiply(weights, scale, weights);
        TensorPrimitives.Exp(weights, weights);
        double sum = 0;
        foreach (float w in weights)
            sum += w;
        return sum;
    }

    private int FromSome(ReadOnlySpan<float> logits, float max, SamplingRequest request, GumbelNoise noise)
    {
        Span<float> weights = _weights.AsSpan(0, logits.Length);
        double total = Weigh(logits, max, (float)Math.Min(1 / request.Temperature, GumbelNoise.LargestInverseTemperature), weights);
        (float least, int lastId) = _cutoff.Last(logits, weights, total, request.TopK, request.TopP);
        return noise.ArgMax(logits, max, request.Temperature, least, lastId);
    }
}
