using Tuna.Llama.Batches;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama;

public abstract partial class TorchPolicy : IHiddenStates
{
    /// <inheritdoc/>
    public void HiddenStates(ReadOnlySpan<int> tokens, int layer, Span<float> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (tokens.IsEmpty || tokens.Length > Config.ContextLength)
            throw new ArgumentException($"The sequence has {tokens.Length} tokens; 1 to {Config.ContextLength} are possible.", nameof(tokens));
        PolicyGuard.CheckTokens(tokens, Info.VocabularySize, "the sequence", nameof(tokens));
        if (layer < 0 || layer > Config.LayerCount)
            throw new ArgumentOutOfRangeException(nameof(layer), layer, $"Layers are 0 (embeddings) to {Config.LayerCount} (after the last norm).");
        if (destination.Length != (long)tokens.Length * Config.HiddenSize)
            throw new ArgumentException($"The destination has room for {destination.Length} numbers; [{tokens.Length}, {Config.HiddenSize}] are needed.", nameof(destination));
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
