using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Model;

/// <summary>The decoder of a LLaMA (Touvron et al., arXiv 2302.13971), embedding to last norm, forward beside backward; what reads its
/// output is a head.</summary>
/// <remarks>
/// Shapes: N token rows of the batch, U of them that a head reads, D width, F width of the MLP, H heads. Of the last layer only keys and
/// values of the other rows are of use, so that from its attention on there are but the U rows. What it computes lies in the
/// <see cref="Model.Workspace"/>.
/// </remarks>
internal sealed unsafe class LlamaTrunk : IDisposable
{
    private readonly LlamaConfig _config;
    private readonly LlamaParameters _parameters;
    private readonly WorkerPool _pool;
    private readonly AttentionShape _shape;
    private readonly Rope _rope;
    private readonly Workspace _workspace;
    private readonly Additions _additions;
    private bool _kept;

    public LlamaTrunk(LlamaConfig config, LlamaParameters parameters, WorkerPool pool, KeptValues keptValues)
    {
        (_config, _parameters, _pool) = (config, parameters, pool);
        _shape = new AttentionShape(config.HeadCount, config.KeyValueHeadCount, config.HeadDimension);
        _rope = new Rope(config.RopeScaling.Frequencies(config.RopeTheta, config.HeadDimension), config.RopeScaling.AttentionFactor);
        _additions = new Additions(config, parameters, pool, _shape);
        _workspace = new Workspace(config, _shape, keptValues);
    }

    public AttentionShape Shape => _shape;

    public Rope Rope => _rope;

    public Workspace Workspace => _workspace;

    private int D => _config.HiddenSize;

    private int F => _config.IntermediateSize;

    private float Epsilon => (float)_config.RmsNormEpsilon;

    /// <summary>Which rows go on after a layer's attention.</summary>
    private ReadOnlySpan<int> GoOn(int layer, ReadOnlySpan<int> rows, ReadOnlySpan<int> headRows) =>
        layer == _config.LayerCount - 1 ? headRows : rows;

    /// <summary>Computes the rows of a batch.</summary>
    /// <param name="layout">The rows, N.</param>
    /// <param name="keep">Whether <see cref="Backward"/> follows; without it the layers share one set of buffers.</param>
    /// <param name="cache">Receives every layer's keys and values, or null.</param>
    /// <returns>The last norm's output at <see cref="BatchLayout.HeadRows"/>, [U, D], valid until the next call.</returns>
    public Matrix Forward(BatchLayout layout, bool keep, IKeyValueSink? cache = null)
    {
        Matrix x = Run(layout, keep, _config.LayerCount, cache);
        Matrix y = _workspace.Output(x.Rows);
        RmsNorm.Forward(_pool, x, _parameters.Weights + _parameters.FinalNorm, Epsilon, y, _workspace.OutputInverse(x.Rows).Data);
        return y;
    }

    /// <summary>The residual stream after <paramref name="layers"/> layers, [N, D], or after all of them [U, D]; after 0 the
    /// embeddings.</summary>
    public Matrix Residual(BatchLayout layout, int layers) => Run(layout, keep: false, layers, null);

    /// <summary>Computes the gradients of all parameters of the trunk.</summary>
    /// <param name="layout">The rows that have a gradient: the layout of the last <see cref="Forward"/>, which kept what this needs, or
    /// some of it.</param>
    /// <param name="kept">The forward pass's row of each row of the layout; other rows are dropped, [N].</param>
    /// <param name="keptHeadRows">The same among the rows that a head reads, [U].</param>
    /// <param name="dOutput">Gradient of the last norm's output, [U, D].</param>
    /// <param name="update">Whether to add to the gradients or to overwrite them.</param>
    /// <param name="embedding">The same for the embedding's, to which a tied head has contributed.</param>
    public void Backward(BatchLayout layout, ReadOnlySpan<int> kept, ReadOnlySpan<int> keptHeadRows, in Matrix dOutput, Update update,
        Update embedding)
    {
        if (!_kept)
            throw new InvalidOperationException("The forward pass did not keep what backward needs.");
        _kept = false;
        _workspace.Compact(kept, keptHeadRows);
        Matrix dx = _workspace.ResidualGradient(layout.RowCount), dLast = dx.SliceRows(0, dOutput.Rows);
        new Span<float>(dLast.Data, checked(dLast.Rows * D)).Clear();
        NormBackward(_workspace.Residual(_config.LayerCount, dLast.Rows), _parameters.FinalNorm, _workspace.OutputInverse(dLast.Rows),
            dOutput, dLast, update);
        for (int l = _config.LayerCount - 1; l >= 0; l--)
        {
            ReadOnlySpan<int> goOn = GoOn(l, layout.Rows, layout.HeadRows);
            MlpBackward(l, dx.SliceRows(0, goOn.Length), update);
            AttentionBackward(layout, l, goOn, dx, update);
        }

        if (embedding == Update.Set)
            NativeMemory.Clear(_parameters.Gradient + _parameters.Embedding, (nuint)_config.VocabularySize * (nuint)D * sizeof(float));
        Embedding.Backward(_pool, layout.Tokens, dx, new Matrix(_parameters.Gradient + _parameters.Embedding, _config.VocabularySize, D));
    }

    public void Dispose()
    {
        _workspace.Dispose();
        _rope.Dispose();
    }

    private Matrix Run(BatchLayout layout, bool keep, int layers, IKeyValueSink? cache)
    {
        _kept = keep;
        int n = layout.RowCount;
        _rope.Ensure(layout.LongestSequence);
        _workspace.Plan(n, layout.HeadRows.Length, keep);
        Matrix x = _workspace.Residual(0, n);
        Embedding.Forward(_pool, layout.Tokens, new Matrix(_parameters.Weights + _parameters.Embedding, _config.VocabularySize, D), x);
        for (int l = 0; l < layers; l++)
        {
            Matrix middle = AttentionForward(layout, l, x), next = _workspace.Residual(l + 1, middle.Rows);
            cache?.Store(l, layout, _workspace.Qkv(l, n), _shape);
            MlpForward(l, middle, next);
            x = next;
        }

        return x;
    }

    // middle = x + o_proj(attention(rope(qkv_proj(norm(x)))))
    private Matrix AttentionForward(BatchLayout layout, int layer, in Matrix x)
    {
        int n = x.Rows;
        LayerSlots slots = _parameters.Layers[layer];
        Matrix normed = _workspace.Normed(n), qkv = _workspace.Qkv(layer, n), attention = _workspace.Attention(n);
        RmsNorm.Forward(_pool, x, _parameters.Weights + slots.InputNorm, Epsilon, normed, _workspace.InputInverse(layer, n).Data);
        Gemm.Multiply(_pool, normed, QkvWeight(_parameters.Weights, slots).T, qkv, Update.Set);
        _additions.Bias(slots.QkvBias, qkv);
        _additions.Norm(slots, qkv, _workspace.QueriesAndKeys(layer, n));
        _rope.Forward(_pool, _shape.QueriesAndKeys(qkv), layout.Positions);
        Attention.Forward(_pool, layout.Attention, _shape, qkv, attention, _workspace.LogSum(layer, n).Data);
        ReadOnlySpan<int> goOn = GoOn(layer, layout.Rows, layout.HeadRows);
        Matrix middle = _workspace.Middle(layer, goOn.Length);
        for (int i = 0; i < goOn.Length; i++)
            x.RowSpan(goOn[i]).CopyTo(middle.RowSpan(i));
        Rows.Compact(attention.Data, attention.Columns, goOn);
        Gemm.Multiply(_pool, attention.SliceRows(0, middle.Rows), OutputWeight(_parameters.Weights, slots).T, middle, Update.Add);
        _additions.Bias(slots.OutputBias, middle);
        return middle;
    }

    // At the start of dx lies the gradient of the middle, of the rows that went on.
    private void AttentionBackward(BatchLayout layout, int layer, ReadOnlySpan<int> goOn, in Matrix dx, Update update)
    {
        int n = dx.Rows, u = goOn.Length;
        LayerSlots slots = _parameters.Layers[layer];
        Matrix x = _workspace.Residual(layer, n), inverse = _workspace.InputInverse(layer, n), qkv = _workspace.Qkv(layer, n);
        Matrix attention = _workspace.Attention(n), dAttention = _workspace.AttentionGradient(n), dQkv = _workspace.QkvGradient(n),
            dMiddle = dx.SliceRows(0, u);
        Gemm.Multiply(_pool, dMiddle, OutputWeight(_parameters.Weights, slots), dAttention.SliceRows(0, u), Update.Set);
        Rows.Spread(dAttention, goOn);
        Attention.Backward(_pool, layout.Attention, _shape, qkv, attention, _workspace.LogSum(layer, n).Data, dAttention, dQkv);
        Rows.Compact(attention.Data, attention.Columns, goOn);
        Gemm.Multiply(_pool, dMiddle.T, attention.SliceRows(0, u), OutputWeight(_parameters.Gradient, slots), update);
        _additions.BiasBackward(slots.OutputBias, dMiddle, update);
        Rows.Spread(dx, goOn);
        _rope.Backward(_pool, _shape.QueriesAndKeys(dQkv), layout.Positions);
        _additions.NormBackward(slots, _workspace.QueriesAndKeys(layer, n), dQkv, update);
        _additions.BiasBackward(slots.QkvBias, dQkv, update);

        Matrix normed = _workspace.Normed(n), dNormed = _workspace.NormedGradient(n);
        RmsNorm.Recompute(_pool, x, _parameters.Weights + slots.InputNorm, inverse.Data, normed);
        Gemm.Multiply(_pool, dQkv.T, normed, QkvWeight(_parameters.Gradient, slots), update);
        Gemm.Multiply(_pool, dQkv, QkvWeight(_parameters.Weights, slots), dNormed, Update.Set);
        NormBackward(x, slots.InputNorm, inverse, dNormed, dx, update);
    }

    // next = middle + down_proj(silu(gate_proj(norm(middle))) * up_proj(norm(middle)))
    private void MlpForward(int layer, in Matrix middle, in Matrix next)
    {
        int n = next.Rows;
        LayerSlots slots = _parameters.Layers[layer];
        Matrix normed = _workspace.Normed(n), gateUp = _workspace.GateUp(layer, n), h = _workspace.Hidden(n);
        RmsNorm.Forward(_pool, middle, _parameters.Weights + slots.PostNorm, Epsilon, normed, _workspace.MiddleInverse(layer, n).Data);
        GateUpForward(slots, normed, gateUp);
        SwiGlu.Forward(_pool, gateUp, h);
        Rows.Copy(middle, next);
        Gemm.Multiply(_pool, h, DownWeight(_parameters.Weights, slots).T, next, Update.Add);
        _additions.Bias(slots.DownBias, next);
    }

    private void GateUpForward(in LayerSlots slots, in Matrix normed, in Matrix gateUp)
    {
        Gemm.Multiply(_pool, normed, GateUpWeight(_parameters.Weights, slots).T, gateUp, Update.Set);
        _additions.Bias(slots.GateUpBias, gateUp);
    }

    private void MlpBackward(int layer, in Matrix dx, Update update)
    {
        int n = dx.Rows;
        LayerSlots slots = _parameters.Layers[layer];
        Matrix middle = _workspace.Middle(layer, n), inverse = _workspace.MiddleInverse(layer, n);
        Matrix normed = _workspace.Normed(n), gateUp = _workspace.GateUp(layer, n), dh = _workspace.Hidden(n),
            dNormed = _workspace.NormedGradient(n);
        RmsNorm.Recompute(_pool, middle, _parameters.Weights + slots.PostNorm, inverse.Data, normed);
        if (!_workspace.KeepsGateUp(layer))
            GateUpForward(slots, normed, gateUp);
        Gemm.Multiply(_pool, dx, DownWeight(_parameters.Weights, slots), dh, Update.Set);
        SwiGlu.Backward(_pool, gateUp, dh); // now gateUp is its gradient and dh is h
        _additions.BiasBackward(slots.DownBias, dx, update);
        _additions.BiasBackward(slots.GateUpBias, gateUp, update);
        Gemm.Multiply(_pool, dx.T, dh, DownWeight(_parameters.Gradient, slots), update);
        Gemm.Multiply(_pool, gateUp.T, normed, GateUpWeight(_parameters.Gradient, slots), update);
        Gemm.Multiply(_pool, gateUp, GateUpWeight(_parameters.Weights, slots), dNormed, Update.Set);
        NormBackward(middle, slots.PostNorm, inverse, dNormed, dx, update);
    }

    private void NormBackward(in Matrix x, long slot, in Matrix inverse, in Matrix dy, in Matrix dx, Update update)
    {
        if (update == Update.Set)
            new Span<float>(_parameters.Gradient + slot, D).Clear();
        RmsNorm.Backward(_pool, x, _parameters.Weights + slot, inverse.Data, dy, dx, _parameters.Gradient + slot);
    }

    private Matrix QkvWeight(float* block, in LayerSlots slots) => new(block + slots.Qkv, _shape.RowWidth, D);

    private Matrix OutputWeight(float* block, in LayerSlots slots) => new(block + slots.Output, D, _shape.QueryWidth);

    private Matrix GateUpWeight(float* block, in LayerSlots slots) => new(block + slots.GateUp, 2 * F, D);

    private Matrix DownWeight(float* block, in LayerSlots slots) => new(block + slots.Down, D, F);
}
