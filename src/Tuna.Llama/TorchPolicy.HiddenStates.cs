using Tuna.Llama.Batches;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;
using Tuna.Models;

namespace Tuna.Llama;

public abstract partial class TorchPolicy : IHiddenStates
{
    /// <inheritdoc/>
    public void HiddenStates(ReadOnlySpan<int> tokens, int layer, Span<float> destination)
    {
        using Turn turn = TakeTurn();
        RequireWhole();
        CheckHiddenStates(tokens, layer, destination.Length);
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        PackedBatch batch = PackedBatch.OfPrompts([tokens.ToArray()]);
        using PackedPlan plan = PackedPlan.Of(batch, _model.Parts);
        Tensor x = LayerRun.Run(_model, LayerRun.Embed(_model, batch), plan, 0, layer);
        if (layer == Config.LayerCount)
            x = _model.Norm.Run(x, _model.Parts.Operations);
        x.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray().CopyTo(destination);
    }
}
