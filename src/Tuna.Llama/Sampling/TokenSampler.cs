using System.Numerics.Tensors;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Sampling;

/// <summary>Draws one token from logits: greedy, or by temperature, then the k likeliest, then the nucleus (Holtzman et al., arXiv 1904.09751).</summary>
/// <remarks>Keeps its buffers from token to token. Among equal logits the smaller id comes first. What is cut off changes no token's noise.</remarks>
internal sealed class TokenSampler
{
    private float[] _weights = [];
    private int[] _ids = [];

    /// <summary>Draws a token.</summary>
    /// <param name="logits">Logits, [V].</param>
    /// <param name="request">How to draw.</param>
    /// <param name="noise">What decides; greedy drawing needs none.</param>
    /// <returns>The token and its log-probability at temperature 1 with nothing cut off.</returns>
    /// <exception cref="InvalidOperationException">The logits are not finite.</exception>
    public (int Token, double LogProb) Draw(ReadOnlySpan<float> logits, SamplingRequest request, GumbelNoise noise)
    {
        if (_weights.Length < logits.Length)
            (_weights, _ids) = (new float[logits.Length], new int[logits.Length]);
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
        // All tokens of a weight below this bound together weigh less than what the nucleus leaves out: no need to sort them.
        double bound = request.TopK > 0 ? 0 : total * (1 - request.TopP) / weights.Length;
        int count = 0;
        for (int id = 0; id < weights.Length; id++)
        {
            if (weights[id] >= bound)
                _ids[count++] = id;
        }

        var keys = new (float Logit, int Id)[count];
        for (int i = 0; i < count; i++)
            keys[i] = (-logits[_ids[i]], _ids[i]);
        Array.Sort(keys);
        if (request.TopK > 0)
        {
            count = Math.Min(count, request.TopK);
            total = 0;
            for (int i = 0; i < count; i++)
                total += weights[keys[i].Id];
        }

        double kept = 0;
        int size = 0;
        while (size < count && (size == 0 || kept < request.TopP * total))
            kept += weights[keys[size++].Id];
        (float logit, int last) = keys[size - 1];
        return noise.ArgMax(logits, max, request.Temperature, -logit, last);
    }
}
