using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>Attention over sequences of any lengths side by side: no padding and no masks.</summary>
internal abstract class SequenceAttention : IDisposable
{
    /// <summary>Attention of sequences.</summary>
    /// <param name="q">Queries, [N, H, E].</param>
    /// <param name="k">Keys, [M, K, E].</param>
    /// <param name="v">Values, [M, K, E].</param>
    /// <param name="sequences">Where each sequence's queries and keys begin.</param>
    /// <param name="causal">Whether a query sees the keys up to its own place alone.</param>
    /// <returns>[N, H, E], and log sum exp of each query's scores, [H, N].</returns>
    public abstract (Tensor Output, Tensor LogSums) Forward(Tensor q, Tensor k, Tensor v, SequenceBounds sequences, bool causal);

    /// <summary>Backward. With the result and sums of a larger attention of which these keys are a part, it gives their part of the
    /// gradients.</summary>
    public abstract (Tensor Q, Tensor K, Tensor V) Backward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor output, Tensor logSums,
        SequenceBounds sequences, bool causal);

    public abstract void Dispose();
}

/// <summary>FlashAttention (Dao, arXiv 2307.08691) over sequences of any lengths side by side, as libtorch has it: no padding, no masks, no
/// plan for each new shape.</summary>
/// <remarks>TorchSharp does not bind these functions of libtorch; its TorchScript compiler finds every one by name.</remarks>
internal sealed class FlashAttention : SequenceAttention
{
    // As of libtorch 2.5 to 2.12; later parameters have defaults. The last line ends in a line break, which some versions' parser asks for.
    private const string Source = """
        def forward(q: Tensor, k: Tensor, v: Tensor, cq: Tensor, ck: Tensor, mq: int, mk: int, causal: int):
            out, sums, state, unused, mask = torch._flash_attention_forward(q, k, v, cq, ck, mq, mk, 0.0, causal != 0, False)
            return [out, sums, state, unused]
        def backward(g: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, sums: Tensor, cq: Tensor, ck: Tensor, mq: int, mk: int,
                causal: int, state: Tensor, unused: Tensor):
            dq, dk, dv = torch._flash_attention_backward(g, q, k, v, out, sums, cq, ck, mq, mk, 0.0, causal != 0, state, unused)
            return [dq, dk, dv]

        """;

    private readonly jit.CompilationUnit _unit = jit.compile(Source);
    private Tensor? _state;
    private Tensor? _unused;

    /// <summary>Why it does not take heads of this width on this device; null where it does.</summary>
    public static string? Unsupported(Device device, ScalarType dtype, HeadShape shape)
    {
        if (device.type != DeviceType.CUDA)
            return "FlashAttention runs on GPUs.";
        if (dtype is not (ScalarType.BFloat16 or ScalarType.Float16))
            return $"FlashAttention computes in BF16, not {dtype}.";
        return shape.Width % 8 != 0 || shape.Width > 256
            ? $"FlashAttention takes heads of a multiple of 8 up to 256, not {shape.Width}." : null;
    }

    /// <summary>Compiles it; null, with libtorch's reason, where this libtorch has no such functions.</summary>
    public static FlashAttention? TryCreate(out string? reason)
    {
        try
        {
            reason = null;
            return new FlashAttention();
        }
        catch (ExternalException e)
        {
            reason = $"This libtorch has no FlashAttention of the known form: {e.Message.Split('\n')[0]}";
            return null;
        }
    }

    public override (Tensor Output, Tensor LogSums) Forward(Tensor q, Tensor k, Tensor v, SequenceBounds sequences, bool causal)
    {
        var results = (Tensor[])_unit.invoke("forward", q, k, v, sequences.Queries, sequences.Keys, sequences.LongestQueries,
            sequences.LongestKeys, causal ? 1 : 0)!;
        if (_state is null)
        {
            // Of dropout, which there is none of: any will do for backward.
            _state = results[2].DetachFromDisposeScope();
            _unused = results[3].DetachFromDisposeScope();
        }
        else
        {
            results[2].Dispose();
            results[3].Dispose();
        }

        return (results[0], results[1]);
    }

    public override (Tensor Q, Tensor K, Tensor V) Backward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor output, Tensor logSums,
        SequenceBounds sequences, bool causal)
    {
        var results = (Tensor[])_unit.invoke(
            "backward", gradient, q, k, v, output, logSums, sequences.Queries, sequences.Keys, sequences.LongestQueries,
                sequences.LongestKeys, causal ? 1 : 0, _state!, _unused!)!;
        return (results[0], results[1], results[2]);
    }

    public override void Dispose()
    {
        _state?.Dispose();
        _unused?.Dispose();
        _unit.Dispose();
    }
}

/// <summary>Sequences that lie side by side.</summary>
/// <param name="Queries">Where each one's queries begin, and the end, Int32, [S + 1].</param>
/// <param name="Keys">The same of its keys.</param>
/// <param name="LongestQueries">Queries of the longest.</param>
/// <param name="LongestKeys">Keys of the longest.</param>
internal sealed record SequenceBounds(Tensor Queries, Tensor Keys, int LongestQueries, int LongestKeys) : IDisposable
{
    public static SequenceBounds Of(IReadOnlyList<int> queries, IReadOnlyList<int> keys, Device device, HostLink link) =>
        new(Bounds(queries, device, link), Bounds(keys, device, link), queries.Max(), keys.Max());

    private static Tensor Bounds(IReadOnlyList<int> lengths, Device device, HostLink link)
    {
        var bounds = new int[lengths.Count + 1];
        for (int s = 0; s < lengths.Count; s++)
            bounds[s + 1] = bounds[s] + lengths[s];
        return link.Write(bounds, device).DetachFromDisposeScope();
    }

    public void Dispose()
    {
        Queries.Dispose();
        Keys.Dispose();
    }
}
