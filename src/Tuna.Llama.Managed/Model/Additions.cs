using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;
using Tuna.Models;

namespace Tuna.Llama.Managed.Model;

/// <summary>What some families have beside LLaMA's products, forward beside backward: biases, and norms of queries and keys. Where a model
/// has none of it, nothing happens.</summary>
internal sealed unsafe class Additions(LlamaConfig config, LlamaParameters parameters, WorkerPool pool, AttentionShape shape)
{
    /// <summary>Adds a bias to every row.</summary>
    /// <param name="slot">Where it lies, or -1.</param>
    /// <param name="rows">The rows.</param>
    public void Bias(long slot, in Matrix rows)
    {
        if (slot >= 0)
            Kernels.Bias.Forward(pool, rows, parameters.Weights + slot);
    }

    /// <summary>Gradient of a bias.</summary>
    public void BiasBackward(long slot, in Matrix gradient, Update update)
    {
        if (slot < 0)
            return;
        Begin(slot, gradient.Columns, update);
        Kernels.Bias.Backward(pool, gradient, parameters.Gradient + slot);
    }

    /// <summary>Normalizes the queries and keys of a layer in place.</summary>
    /// <param name="slots">The layer.</param>
    /// <param name="qkv">Queries, keys and values, not turned yet, [N, RowWidth].</param>
    /// <param name="before">Receives queries and keys as they were, for <see cref="NormBackward"/>; of no columns where nobody asks for
    /// them.</param>
    public void Norm(in LayerSlots slots, in Matrix qkv, in Matrix before)
    {
        if (slots.QueryNorm < 0)
            return;
        if (before.Columns > 0)
        {
            for (int t = 0; t < qkv.Rows; t++)
                shape.QueriesAndKeys(qkv).RowSpan(t).CopyTo(before.RowSpan(t));
        }

        Matrix q = qkv.SliceColumns(0, shape.QueryWidth), k = qkv.SliceColumns(shape.QueryWidth, shape.KeyValueWidth);
        HeadNorm.Forward(pool, q, parameters.Weights + slots.QueryNorm, shape.Dimension, Epsilon, q);
        HeadNorm.Forward(pool, k, parameters.Weights + slots.KeyNorm, shape.Dimension, Epsilon, k);
    }

    /// <summary>Gradients of the norms' weights, and of queries and keys in place of that of their norms.</summary>
    public void NormBackward(in LayerSlots slots, in Matrix before, in Matrix dQkv, Update update)
    {
        if (slots.QueryNorm < 0)
            return;
        Begin(slots.QueryNorm, shape.Dimension, update);
        Begin(slots.KeyNorm, shape.Dimension, update);
        Matrix q = before.SliceColumns(0, shape.QueryWidth), k = before.SliceColumns(shape.QueryWidth, shape.KeyValueWidth);
        Matrix dq = dQkv.SliceColumns(0, shape.QueryWidth), dk = dQkv.SliceColumns(shape.QueryWidth, shape.KeyValueWidth);
        HeadNorm.Backward(pool, q, parameters.Weights + slots.QueryNorm, shape.Dimension, Epsilon, dq,
            parameters.Gradient + slots.QueryNorm);
        HeadNorm.Backward(pool, k, parameters.Weights + slots.KeyNorm, shape.Dimension, Epsilon, dk, parameters.Gradient + slots.KeyNorm);
    }

    private float Epsilon => (float)config.RmsNormEpsilon;

    private void Begin(long slot, int count, Update update)
    {
        if (update == Update.Set)
            new Span<float>(parameters.Gradient + slot, count).Clear();
    }
}
