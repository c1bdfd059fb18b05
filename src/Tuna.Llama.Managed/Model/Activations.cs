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

    private RowBuffer[] All => [InputInverse, Qkv, LogSum, Middle, MiddleInverse];

    public void Compact(ReadOnlySpan<int> kept)
    {
        foreach (RowBuffer buffer in All)
            buffer.Compact(kept);
    }

    public void Dispose()
    {
        foreach (RowBuffer buffer in All)
            buffer.Dispose();
    }
}
