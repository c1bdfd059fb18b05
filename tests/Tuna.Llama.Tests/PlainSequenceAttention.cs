using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>What FlashAttention computes, sequence by sequence from the definition, on the CPU; it also writes down what it was asked
/// for.</summary>
internal sealed class PlainSequenceAttention : SequenceAttention
{
    /// <summary>Calls of forward.</summary>
    public int Forwards { get; private set; }

    /// <summary>Calls of backward.</summary>
    public int Backwards { get; private set; }

    /// <summary>What a kernel is chosen by: query heads, key heads, their width, and whether it is causal. Lengths are data to
    /// it.</summary>
    public HashSet<(long Heads, long KeyHeads, long Width, bool Causal)> Kernels { get; } = [];

    public override (Tensor Output, Tensor LogSums) Forward(Tensor q, Tensor k, Tensor v, SequenceBounds sequences, bool causal)
    {
        Forwards++;
        Kernels.Add((q.shape[1], k.shape[1], q.shape[2], causal));
        using DisposeScope scope = NewDisposeScope();
        Tensor output = zeros(q.shape, q.dtype), sums = zeros(q.shape[1], q.shape[0]);
        foreach ((Range queries, Range keys) in Each(sequences))
        {
            Tensor scores = Scores(Rows(q, queries), Rows(k, keys), causal);
            Rows(output, queries).copy_(einsum("hnm,mhe->nhe", scores.softmax(2), Repeated(Rows(v, keys), q)));
            sums.narrow(1, queries.Start.Value, Count(queries)).copy_(scores.logsumexp(2));
        }

        return (scope.MoveToOuter(output), scope.MoveToOuter(sums));
    }

    // With p = exp(score - log sum): dv = p^T do, ds = p (do v^T - do . o), dq = ds k, dk = ds^T q.
    public override (Tensor Q, Tensor K, Tensor V) Backward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor output, Tensor logSums,
        SequenceBounds sequences, bool causal)
    {
        Backwards++;
        using DisposeScope scope = NewDisposeScope();
        (Tensor dq, Tensor dk, Tensor dv) = (zeros(q.shape), zeros(k.shape), zeros(v.shape));
        double scale = 1 / Math.Sqrt(q.shape[2]);
        foreach ((Range queries, Range keys) in Each(sequences))
        {
            Tensor up = Rows(gradient, queries), own = Rows(q, queries), seen = Repeated(Rows(k, keys), q),
                values = Repeated(Rows(v, keys), q);
            // [H, n, m]
            Tensor p = (Scores(own, Rows(k, keys), causal) - logSums.narrow(1, queries.Start.Value, Count(queries)).unsqueeze(2)).exp();
            Tensor ds = p * (einsum("nhe,mhe->hnm", up, values) - (up * Rows(output, queries)).sum(2).t().unsqueeze(2)) * scale;
            Rows(dq, queries).copy_(einsum("hnm,mhe->nhe", ds, seen));
            Rows(dk, keys).copy_(Folded(einsum("hnm,nhe->mhe", ds, own), k));
            Rows(dv, keys).copy_(Folded(einsum("hnm,nhe->mhe", p, up), v));
        }

        return (scope.MoveToOuter(dq), scope.MoveToOuter(dk), scope.MoveToOuter(dv));
    }

    public override void Dispose()
    {
    }

    private static Tensor Scores(Tensor q, Tensor k, bool causal)
    {
        Tensor scores = einsum("nhe,mhe->hnm", q, Repeated(k, q)) / Math.Sqrt(q.shape[2]);
        return causal ? scores.masked_fill(ones(scores.shape[1], scores.shape[2], ScalarType.Bool).tril().logical_not(),
            double.NegativeInfinity) : scores;
    }

    /// <summary>Key heads once for every query head that shares them.</summary>
    private static Tensor Repeated(Tensor keys, Tensor q) => keys.repeat_interleave(q.shape[1] / keys.shape[1], 1);

    private static Tensor Folded(Tensor gradient, Tensor keys) => gradient.view(gradient.shape[0], keys.shape[1], -1, keys.shape[2]).sum(2);

    private static Tensor Rows(Tensor x, Range rows) => x.narrow(0, rows.Start.Value, Count(rows));

    private static int Count(Range rows) => rows.End.Value - rows.Start.Value;

    private static IEnumerable<(Range Queries, Range Keys)> Each(SequenceBounds sequences)
    {
        int[] queries = sequences.Queries.data<int>().ToArray(), keys = sequences.Keys.data<int>().ToArray();
        return Enumerable.Range(0, queries.Length - 1).Select(s => (queries[s]..queries[s + 1], keys[s]..keys[s + 1]));
    }
}
