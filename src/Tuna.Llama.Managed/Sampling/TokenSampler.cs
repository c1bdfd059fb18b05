using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Draws one token from logits: greedy, or by temperature, then the k likeliest, then the nucleus (Holtzman et al., arXiv 1904.09751).</summary>
/// <remarks>One per worker: it keeps its lists from token to token. Among equal logits the smaller id comes first. What is cut off changes no token's noise.</remarks>
internal sealed unsafe class TokenSampler : IDisposable
{
    private readonly NativeBuffer _weights = new();
    private readonly List<int> _candidates = [];
    private readonly PriorityQueue<int, (float Logit, int Id)> _top = new();

    /// <summary>Draws a token.</summary>
    /// <param name="logits">Logits, [V].</param>
    /// <param name="count">V.</param>
    /// <param name="request">How to draw.</param>
    /// <param name="noise">What decides; greedy drawing needs none.</param>
    /// <returns>The token and its log-probability at temperature 1 with nothing cut off; -1 and NaN when the logits are not finite.</returns>
    public (int Token, double LogProb) Draw(float* logits, int count, SamplingRequest request, GumbelNoise noise)
    {
        float max = VectorMath.Max(logits, count);
        int token = Pick(logits, count, max, request, noise);
        return (token, token < 0 ? double.NaN : logits[token] - (max + Math.Log(VectorMath.SumExp(logits, count, 1, max))));
    }

    /// <summary>As <see cref="Draw"/>, the token alone.</summary>
    public int Pick(float* logits, int count, SamplingRequest request, GumbelNoise noise) => Pick(logits, count, VectorMath.Max(logits, count), request, noise);

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
        (float least, int lastId) = LastKept(logits, count, max, request);
        return noise.ArgMax(all, max, request.Temperature, least, lastId);
    }

    /// <summary>The last token, by rank, of those that are kept.</summary>
    private (float Logit, int Id) LastKept(float* logits, int count, float max, SamplingRequest request)
    {
        float scale = (float)Math.Min(1 / request.Temperature, GumbelNoise.LargestInverseTemperature);
        float* weights = _weights.Ensure(count);
        double total = VectorMath.ExpSum(logits, weights, count, scale, max * scale);
        _candidates.Clear();
        if (request.TopK > 0 && request.TopK < count)
            KeepTop(logits, count, request.TopK);
        else
            KeepAbove(weights, count, total * (1 - request.TopP) / count);
        _candidates.Sort(new ByLogit(logits));

        double kept = 0;
        if (request.TopK > 0)
        {
            total = 0;
            foreach (int id in _candidates)
                total += weights[id];
        }

        int size = 0;
        while (size < _candidates.Count && (size == 0 || kept < request.TopP * total))
            kept += weights[_candidates[size++]];
        int last = _candidates[size - 1];
        return (logits[last], last);
    }

    private void KeepTop(float* logits, int count, int k)
    {
        _top.Clear();
        for (int id = 0; id < count; id++)
        {
            // The queue gives up the smallest logit first and, among equals, the largest id.
            if (_top.Count < k)
                _top.Enqueue(id, (logits[id], -id));
            else if (logits[id] > logits[_top.Peek()])
                _top.EnqueueDequeue(id, (logits[id], -id));
        }

        while (_top.TryDequeue(out int id, out _))
            _candidates.Add(id);
    }

    // All tokens of a weight below this bound together weigh less than what the nucleus leaves out, so none of them is in it: no need to sort them.
    private void KeepAbove(float* weights, int count, double bound)
    {
        for (int id = 0; id < count; id++)
        {
            if (weights[id] >= bound)
                _candidates.Add(id);
        }
    }

    private sealed class ByLogit(float* logits) : IComparer<int>
    {
        public int Compare(int x, int y)
        {
            int order = logits[y].CompareTo(logits[x]);
            return order != 0 ? order : x.CompareTo(y);
        }
    }
}
