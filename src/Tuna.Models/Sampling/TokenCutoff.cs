using System.Runtime.InteropServices;

namespace Tuna.Models.Sampling;

/// <summary>Which tokens sampling leaves: the k likeliest, of those the nucleus (Holtzman et al., arXiv 1904.09751), the smallest set of
/// the likeliest that has probability p.</summary>
/// <remarks>Tokens are ranked by logit, among equal logits by id. It keeps its lists from token to token, so that each thread has one of
/// its own.</remarks>
public sealed class TokenCutoff
{
    private readonly List<(float Logit, int Id)> _ranked = [];
    private readonly PriorityQueue<int, (float Logit, int Id)> _top = new();

    /// <summary>Finds the last token, by rank, of those that are left.</summary>
    /// <param name="logits">Logits, [V], V >= 1, not NaN.</param>
    /// <param name="weights">exp((logit - largest) / temperature) of each, [V].</param>
    /// <param name="total">Their sum.</param>
    /// <param name="topK">How many of the likeliest stay; 0 for all.</param>
    /// <param name="topP">Probability of the nucleus among those that stay, (0, 1].</param>
    /// <returns>Its logit and its id: what <see cref="GumbelNoise.ArgMax"/> takes as bounds.</returns>
    /// <exception cref="ArgumentException">There are no logits, or not as many weights.</exception>
    public (float Logit, int Id) Last(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights, double total, int topK, double topP)
    {
        if (logits.IsEmpty || weights.Length != logits.Length)
            throw new ArgumentException($"There are {logits.Length} logits and {weights.Length} weights.", nameof(weights));
        _ranked.Clear();
        if (topK > 0 && topK < logits.Length)
        {
            KeepTop(logits, topK);
            total = 0;
            foreach ((_, int id) in _ranked)
                total += weights[id];
        }
        else
        {
            KeepAbove(logits, weights, total * (1 - topP) / weights.Length);
        }

        CollectionsMarshal.AsSpan(_ranked).Sort(static (x, y) => x.Logit != y.Logit ? y.Logit.CompareTo(x.Logit) : x.Id.CompareTo(y.Id));
        double kept = 0;
        int size = 0;
        while (size < _ranked.Count && (size == 0 || kept < topP * total))
            kept += weights[_ranked[size++].Id];
        return _ranked[size - 1];
    }

    private void KeepTop(ReadOnlySpan<float> logits, int k)
    {
        _top.Clear();
        for (int id = 0; id < logits.Length; id++)
        {
            // The queue gives up the smallest logit first and, among equals, the largest id.
            if (_top.Count < k)
                _top.Enqueue(id, (logits[id], -id));
            else if (logits[id] > logits[_top.Peek()])
                _top.EnqueueDequeue(id, (logits[id], -id));
        }

        while (_top.TryDequeue(out int id, out _))
            _ranked.Add((logits[id], id));
    }

    // All tokens of a weight below the bound together weigh less than what the nucleus leaves out, so none of them is in it: no need to
    // sort them.
    private void KeepAbove(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights, double bound)
    {
        for (int id = 0; id < logits.Length; id++)
        {
            if (weights[id] >= bound)
                _ranked.Add((logits[id], id));
        }
    }
}
