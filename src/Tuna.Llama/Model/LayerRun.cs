using Tuna.Llama.Batches;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>The one way to run layers.</summary>
internal static class LayerRun
{
    /// <summary>Embeddings of a batch's rows, [N, D].</summary>
    public static Tensor Embed(LlamaBackbone model, PackedBatch batch)
    {
        using IDisposable mode = no_grad();
        using Tensor ids = model.Parts.Operations.Link.WriteIndices(batch.Tokens, model.Device);
        return model.EmbeddingWeight.Data.index_select(0, ids);
    }

    /// <summary>Runs layers from a first to before a last.</summary>
    /// <param name="model">The model.</param>
    /// <param name="x">The first layer's input, [N, D]; the caller's.</param>
    /// <param name="plan">Who attends to whom.</param>
    /// <param name="from">The first layer.</param>
    /// <param name="to">The layer before which to stop.</param>
    /// <param name="trace">Called with every layer and its input before it runs; returns where it writes what backward needs, or null for
    /// nothing. An input that was handed out is its receiver's; without a receiver it is freed.</param>
    /// <param name="cancellationToken">Stops between layers.</param>
    /// <returns>The last layer's result, [N, D], in the caller's scope.</returns>
    public static Tensor Run(LlamaBackbone model, Tensor x, AttentionPlan plan, int from, int to,
        Func<int, Tensor, LayerTrace?>? trace = null, CancellationToken cancellationToken = default)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor input = x;
        for (int l = from; l < to; l++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Tensor output = model.Layers[l].Run(input, plan, model.Parts.Operations, trace?.Invoke(l, input));
            if (trace is null && l > from)
                input.Dispose();
            input = output;
        }

        return scope.MoveToOuter(ReferenceEquals(input, x) ? x.alias() : input);
    }
}
