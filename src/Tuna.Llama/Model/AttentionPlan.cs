using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>What a run over the layers knows beyond its rows: their rotary angles, who attends to whom, and the dropout masks.</summary>
internal abstract class AttentionPlan : IDisposable
{
    /// <summary>Dropout of the adapters' inputs, or null when there is none.</summary>
    public AdapterDropout? Dropout { get; init; }

    /// <summary>Rotation and attention of one layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="qkv">Queries, keys and values side by side, [N, (H + 2K) E]; rotated in place.</param>
    /// <param name="trace">Receives what backward needs; null when there is none.</param>
    /// <returns>[N, H E].</returns>
    public abstract Tensor Attend(int layer, Tensor qkv, LayerTrace? trace);

    /// <summary>Backward of <see cref="Attend"/>.</summary>
    /// <param name="trace">What forward kept.</param>
    /// <param name="gradient">dL/d(result), [N, H E].</param>
    /// <returns>dL/d(qkv) before the rotation, [N, (H + 2K) E].</returns>
    public virtual Tensor Backward(LayerTrace trace, Tensor gradient) =>
        throw new NotSupportedException("Nothing is trained through this attention.");

    public abstract void Dispose();
}
