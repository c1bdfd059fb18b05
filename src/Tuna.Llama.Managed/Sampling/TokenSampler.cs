using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Draws one token from logits: greedy, or by temperature, then the k likeliest, then the nucleus (Holtzman et al., arXiv 1904.09751).</summary>
/// <remarks>One per worker: it keeps its lists from token to token. Among equal logits the smaller id comes first.</remarks>
internal sealed unsafe class TokenSampler : IDisposable
{
    private const int Block = 256;

    // The likeliest token weighs 1. Sums are exact to about 1e-16 of that, so what is below this is never drawn but by rounding.
    private const float Negligible = 1e-20f;

    private readonly NativeBuffer _weights = new();
    private double[] _blocks = [];
    private readonly List<int> _candidates = [];
    private readonly PriorityQueue<int, (float Logit, int Id)> _top = new();

    /// <summary>Draws a token.</summary>
    /// <param name="logits">Logits, [V].</param>
    /// <param name="count">V.</param>
    /// <param name="request">How to draw.</param>
    /// <param name="uniform">A uniform number in [0, 1).</param>
    /// <returns>The token and its log-probability at temperature 1 with nothing cut off.</returns>
    /// <exception cref="InvalidOperationException">The logits are not finite.</exception>
    public (int Token, double LogProb) Draw(float* logits, int count, SamplingRequest request, double uniform)
    {
        float max = VectorMath.Max(logits, count);
        if (!float.IsFinite(max))
            throw new InvalidOperationException("The model's logits are not finite, so nothing can be sampled from it.");
        bool fromAll = request.Temperature > 0 && request.TopK == 0 && request.TopP == 1;
        double total = fromAll ? Weigh(logits, count, max, 1 / request.Temperature) : 0;
        double logSum = max + Math.Log(fromAll && request.Temperature == 1 ? total : VectorMath.SumExp(logits, count, 1, max));
        int token;
        if (request.Temperature == 0)
            token = new ReadOnlySpan<float>(logits, count).IndexOf(max);
        else
            token = fromAll ? DrawFromAll(count, uniform * total) : DrawFromSome(logits, count, max, request, uniform);
        return (token, logits[token] - logSum);
    }

    public void Dispose() => _weights.Dispose();

    /// <summary>Weighs all tokens by the exponential of their logits and sums the weights block by block; returns the sum of all.</summary>
    private double Weigh(float* logits, int count, float max, double inverseTemperature)
    {
        float* weights = _weights.Ensure(count);
        int blocks = (count + Block - 1) / Block;
        if (_blocks.Length < blocks)
            _blocks = new double[blocks];
        float scale = (float)inverseTemperature, shift = (float)(max * inverseTemperature);
        double total = 0;
        for (int b = 0; b < blocks; b++)
            total += _blocks[b] = VectorMath.ExpSum(logits + (b * Block), weights + (b * Block), Math.Min(Block, count - (b * Block)), scale, shift);
        return total;
    }

    /// <summary>The token at which the sum of the weights exceeds <paramref name="target"/>: first its block, then the token.</summary>
    private int DrawFromAll(int count, double target)
    {
        double before = 0, left = 0;
        int block = 0;
        for (int b = 0; b * Block < count && before <= target; b++)
        {
            if (_blocks[b] < Block * Negligible)
                continue;
            (block, left) = (b, target - before);
            before += _blocks[b];
        }

        // Rounding may leave a rest after the last token: the last of some weight is the one.
        int last = 0;
        for (int i = block * Block; i < Math.Min((block + 1) * Block, count) && left >= 0; i++)
        {
            float weight = _weights.Pointer[i];
            if (weight < Negligible)
                continue;
            last = i;
            left -= weight;
        }

        return last;
    }

    private int DrawFromSome(float* logits, int count, float max, SamplingRequest request, double uniform)
    {
        float* weights = _weights.Ensure(count);
        float scale = (float)(1 / request.Temperature);
        double total = VectorMath.ExpSum(logits, weights, count, scale, (float)(max / request.Temperature));
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
        double left = uniform * kept;
        for (int i = 0; i < size - 1; i++)
        {
            left -= weights[_candidates[i]];
            if (left < 0)
                return _candidates[i];
        }

        return _candidates[size - 1];
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
