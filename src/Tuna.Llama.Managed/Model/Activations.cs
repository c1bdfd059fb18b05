using Tuna.Llama.Managed.Kernels;

namespace Tuna.Llama.Managed.Model;

/// <summary>What a layer keeps for its backward pass.</summary>
internal sealed class LayerActivations(int width, AttentionShape shape) : IDisposable
{
    /// <summary>Inverse root mean square of the layer's input, [N].</summary>
    public RowBuffer InputInverse { get; } = new(1);

    /// <summary>Queries, keys and values after the rotation, [N, RowWidth].</summary>
    public RowBuffer Qkv { get; } = new(shape.RowWidth);

    /// <summary>Attention's log-sum of each row and head, [N, H].</summary>
    public RowBuffer LogSum { get; } = new(shape.Heads);

    /// <summary>The residual stream between attention and MLP, [N, D].</summary>
    public RowBuffer Middle { get; } = new(width);

    /// <summary>Inverse root mean square of <see cref="Middle"/>, [N].</summary>
    public RowBuffer MiddleInverse { get; } = new(1);

    /// <summary>Keeps some rows, increasing, and moves them to the front.</summary>
    /// <param name="kept">Rows up to attention.</param>
    /// <param name="keptAfter">Rows after it, where they may be fewer.</param>
    public void Compact(ReadOnlySpan<int> kept, ReadOnlySpan<int> keptAfter)
    {
        foreach (RowBuffer buffer in (ReadOnlySpan<RowBuffer>)[InputInverse, Qkv, LogSum])
            buffer.Compact(kept);
        foreach (RowBuffer buffer in (ReadOnlySpan<RowBuffer>)[Middle, MiddleInverse])
            buffer.Compact(keptAfter);
    }

    public void Dispose()
    {
        foreach (RowBuffer buffer in (ReadOnlySpan<RowBuffer>)[InputInverse, Qkv, LogSum, Middle, MiddleInverse])
            buffer.Dispose();
    }
}
