using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Model;

/// <summary>The decoder of a LLaMA (Touvron et al., arXiv 2302.13971), embedding to last norm, forward beside backward; what reads its output is a head.</summary>
/// <remarks>
/// Shapes: N token rows of the batch, U of them that a head reads, D width, F width of the MLP, H heads. Of the last layer only keys and values of the other rows are of use,
/// so that from its attention on there are but the U rows. Buffers grow to the largest batch seen and stay.
/// </remarks>
internal sealed unsafe class LlamaTrunk : IDisposable
{
    private readonly LlamaConfig _config;
    private readonly LlamaParameters _parameters;
    private readonly WorkerPool _pool;
    private readonly AttentionShape _shape;
    private readonly Rope _rope;
    private readonly RowBuffer[] _residual;
    private readonly LayerActivations[] _layers;
    // Of the buffers that the layers share, one holds in turn a norm's output, attention's output and the last norm's output: each is used up before the next.
    private readonly RowBuffer _outputInverse, _normed, _wide, _gradient, _residualGradient;
    // Gate and up values, [N, 2 F], of layers that do not keep theirs; they are more than half of what a layer would keep.
    private readonly RowBuffer _gateUp;
    private readonly KeptValues _keptValues;
    private bool _kept;

    public LlamaTrunk(LlamaConfig config, LlamaParameters parameters, WorkerPool pool, KeptValues keptValues)
    {
        (_config, _parameters, _pool, _keptValues) = (config, parameters, pool, keptValues);
        _shape = new AttentionShape(config.HeadCount, config.KeyValueHeadCount, config.HeadDimension);
        _rope = new Rope(config);
        _residual = new RowBuffer[config.LayerCount + 1];
        for (int l = 0; l < _residual.Length; l++)
            _residual[l] = new RowBuffer(D);
        _layers = new LayerActivations[config.LayerCount];
        for (int l = 0; l < _layers.Length; l++)
            _layers[l] = new LayerActivations(D, _shape);
        _gateUp = new RowBuffer(2 * F);
        _outputInverse = new RowBuffer(1);
        _normed = new RowBuffer(Math.Max(D, _shape.QueryWidth));
        _wide = new RowBuffer(Math.Max(F, _shape.RowWidth));
        _gradient = new RowBuffer(Math.Max(D, _shape.QueryWidth));
        _residualGradient = new RowBuffer(D);
    }

    public AttentionShape Shape => _shape;

    public Rope Rope => _rope;

    private int D => _config.HiddenSize;

    private int F => _config.IntermediateSize;

    private float Epsilon => (float)_config.RmsNormEpsilon;

    /// <summary>Which rows go on after a layer's attention.</summary>
    private ReadOnlySpan<int> GoOn(int layer, ReadOnlySpan<int> rows, ReadOnlySpan<int> headRows) => layer == _config.LayerCount - 1 ? headRows : rows;

    /// <summary>Computes the rows of a batch.</summary>
    /// <param name="layout">The rows, N.</param>
    /// <param name="keep">Whether <see cref="Backward"/> follows; without it the layers share one set of buffers.</param>
    /// <param name="cache">Receives every layer's keys and values, or null.</param>
    /// <returns>The last norm's output at <see cref="BatchLayout.HeadRows"/>, [U, D], valid until the next call.</returns>
    public Matrix Forward(BatchLayout layout, bool keep, IKeyValueSink? cache = null)
    {
        Matrix x = Run(layout, keep, _config.LayerCount, cache);
        Matrix y = Output(x.Rows);
        RmsNorm.Forward(_pool, x, _parameters.Weights + _parameters.FinalNorm, Epsilon, y, _outputInverse.Rows(x.Rows).Data);
        return y;
    }

    /// <summary>The residual stream after <paramref name="layers"/> layers, [N, D], or after all of them [U, D]; after 0 the embeddings.</summary>
    public Matrix Residual(BatchLayout layout, int layers) => Run(layout, keep: false, layers, null);

    /// <summary>Computes the gradients of all parameters of the trunk.</summary>
    /// <param name="layout">The rows that have a gradient: the layout of the last <see cref="Forward"/>, which kept what this needs, or some of it.</param>
    /// <param name="kept">The forward pass's row of each row of the layout; other rows are dropped, [N].</param>
    /// <param name="keptHeadRows">The same among the rows that a head reads, [U].</param>
    /// <param name="dOutput">Gradient of the last norm's output, [U, D].</param>
    /// <param name="accumulate">Whether to add to the gradients or to overwrite them.</param>
    /// <param name="accumulateEmbedding">The same for the embedding's, to which a tied head has contributed.</param>
    public void Backward(BatchLayout layout, ReadOnlySpan<int> kept, ReadOnlySpan<int> keptHeadRows, in Matrix dOutput, bool accumulate, bool accumulateEmbedding)
    {
        if (!_kept)
            throw new InvalidOperationException("The forward pass did not keep what backward needs.");
        _kept = false;
        Compact(kept, keptHeadRows);
        Matrix dx = _residualGradient.Rows(layout.RowCount), dLast = dx.SliceRows(0, dOutput.Rows);
        new Span<float>(dLast.Data, checked(dLast.Rows * D)).Clear();
        NormBackward(_residual[^1].Rows(dLast.Rows), _parameters.FinalNorm, _outputInverse, dOutput, dLast, accumulate);
        for (int l = _config.LayerCount - 1; l >= 0; l--)
        {
            ReadOnlySpan<int> goOn = GoOn(l, layout.Rows, layout.HeadRows);
            MlpBackward(l, dx.SliceRows(0, goOn.Length), accumulate);
            AttentionBackward(layout, l, goOn, dx, accumulate);
        }

        if (!accumulateEmbedding)
            NativeMemory.Clear(_parameters.Gradient + _parameters.Embedding, (nuint)_config.VocabularySize * (nuint)D * sizeof(float));
        Embedding.Backward(_pool, layout.Tokens, dx, new Matrix(_parameters.Gradient + _parameters.Embedding, _config.VocabularySize, D));
    }

    /// <summary>The output of the last <see cref="Forward"/>, [U, D].</summary>
    public Matrix Output(int rows) => _normed.Rows(rows, D);

    /// <summary>Room for the gradient of the output, which <see cref="Backward"/> has used up before it needs the room itself.</summary>
    public Matrix OutputGradient(int rows) => _gradient.Rows(rows, D);

    public void Dispose()
    {
        foreach (LayerActivations layer in _layers)
            layer.Dispose();
        foreach (RowBuffer buffer in (ReadOnlySpan<RowBuffer>)[.. _residual, _gateUp, _outputInverse, _normed, _wide, _gradient, _residualGradient])
            buffer.Dispose();
        _rope.Dispose();
    }

    private Matrix Run(BatchLayout layout, bool keep, int layers, IKeyValueSink? cache)
    {
        _kept = keep;
        int n = layout.RowCount;
        _rope.Ensure(layout.LongestSequence);
        Matrix x = _residual[0].Rows(n);
        Embedding.Forward(_pool, layout.Tokens, new Matrix(_parameters.Weights + _parameters.Embedding, _config.VocabularySize, D), x);
        for (int l = 0; l < layers; l++)
        {
            LayerActivations a = _layers[keep ? l : 0];
            Matrix middle = AttentionForward(layout, l, a, x), next = _residual[keep ? l + 1 : (l + 1) & 1].Rows(middle.Rows);
            cache?.Store(l, layout, a.Qkv.Rows(n), _shape);
            MlpForward(_parameters.Layers[l], a, GateUp(keep ? _keptValues.GateUp(l) : null, middle.Rows), next);
            x = next;
        }

        return x;
    }

    // middle = x + o_proj(attention(rope(qkv_proj(norm(x)))))
    private Matrix AttentionForward(BatchLayout layout, int layer, LayerActivations a, in Matrix x)
    {
        int n = x.Rows;
        LayerSlots slots = _parameters.Layers[layer];
        Matrix normed = _normed.Rows(n, D), qkv = a.Qkv.Rows(n), attention = _normed.Rows(n, _shape.QueryWidth);
        RmsNorm.Forward(_pool, x, _parameters.Weights + slots.InputNorm, Epsilon, normed, a.InputInverse.Rows(n).Data);
        Gemm.Multiply(_pool, normed, false, QkvWeight(_parameters.Weights, slots), true, qkv, false);
        _rope.Forward(_pool, qkv.SliceColumns(0, _shape.QueryWidth + _shape.KeyValueWidth), layout.Positions);
        Attention.Forward(_pool, layout, _shape, qkv, attention, a.LogSum.Rows(n).Data);
        ReadOnlySpan<int> goOn = GoOn(layer, layout.Rows, layout.HeadRows);
        Matrix middle = a.Middle.Rows(goOn.Length);
        for (int i = 0; i < goOn.Length; i++)
            x.RowSpan(goOn[i]).CopyTo(middle.RowSpan(i));
        RowBuffer.Compact(attention.Data, attention.Columns, goOn);
        Gemm.Multiply(_pool, attention.SliceRows(0, middle.Rows), false, OutputWeight(_parameters.Weights, slots), true, middle, true);
        return middle;
    }

    // At the start of dx lies the gradient of the middle, of the rows that went on.
    private void AttentionBackward(BatchLayout layout, int layer, ReadOnlySpan<int> goOn, in Matrix dx, bool accumulate)
    {
        int n = dx.Rows, u = goOn.Length;
        LayerSlots slots = _parameters.Layers[layer];
        LayerActivations a = _layers[layer];
        Matrix x = _residual[layer].Rows(n), attention = _normed.Rows(n, _shape.QueryWidth), normed = _normed.Rows(n, D), qkv = a.Qkv.Rows(n);
        Matrix dQkv = _wide.Rows(n, _shape.RowWidth), dAttention = _gradient.Rows(n, _shape.QueryWidth), dNormed = _gradient.Rows(n, D);
        Matrix dMiddle = dx.SliceRows(0, u);
        Gemm.Multiply(_pool, dMiddle, false, OutputWeight(_parameters.Weights, slots), false, dAttention.SliceRows(0, u), false);
        RowBuffer.Spread(dAttention, goOn);
        Attention.Backward(_pool, layout, _shape, qkv, attention, a.LogSum.Rows(n).Data, dAttention, dQkv);
        RowBuffer.Compact(attention.Data, attention.Columns, goOn);
        Gemm.Multiply(_pool, dMiddle, true, attention.SliceRows(0, u), false, OutputWeight(_parameters.Gradient, slots), accumulate);
        RowBuffer.Spread(dx, goOn);
        _rope.Backward(_pool, dQkv.SliceColumns(0, _shape.QueryWidth + _shape.KeyValueWidth), layout.Positions);
        RmsNorm.Recompute(_pool, x, _parameters.Weights + slots.InputNorm, a.InputInverse.Rows(n).Data, normed);
        Gemm.Multiply(_pool, dQkv, true, normed, false, QkvWeight(_parameters.Gradient, slots), accumulate);
        Gemm.Multiply(_pool, dQkv, false, QkvWeight(_parameters.Weights, slots), false, dNormed, false);
        NormBackward(x, slots.InputNorm, a.InputInverse, dNormed, dx, accumulate);
    }

    // next = middle + down_proj(silu(gate_proj(norm(middle))) * up_proj(norm(middle)))
    private void MlpForward(in LayerSlots slots, LayerActivations a, in Matrix gateUp, in Matrix next)
    {
        int n = next.Rows;
        Matrix normed = _normed.Rows(n, D), h = _wide.Rows(n, F), middle = a.Middle.Rows(n);
        RmsNorm.Forward(_pool, middle, _parameters.Weights + slots.PostNorm, Epsilon, normed, a.MiddleInverse.Rows(n).Data);
        Gemm.Multiply(_pool, normed, false, GateUpWeight(_parameters.Weights, slots), true, gateUp, false);
        SwiGlu.Forward(_pool, gateUp, h);
        Copy(middle, next);
        Gemm.Multiply(_pool, h, false, DownWeight(_parameters.Weights, slots), true, next, true);
    }

    private void MlpBackward(int layer, in Matrix dx, bool accumulate)
    {
        int n = dx.Rows;
        LayerSlots slots = _parameters.Layers[layer];
        LayerActivations a = _layers[layer];
        float* keptGateUp = _keptValues.GateUp(layer);
        Matrix gateUp = GateUp(keptGateUp, n), normed = _normed.Rows(n, D), dh = _wide.Rows(n, F), middle = a.Middle.Rows(n), dNormed = _gradient.Rows(n, D);
        RmsNorm.Recompute(_pool, middle, _parameters.Weights + slots.PostNorm, a.MiddleInverse.Rows(n).Data, normed);
        if (keptGateUp is null)
            Gemm.Multiply(_pool, normed, false, GateUpWeight(_parameters.Weights, slots), true, gateUp, false);
        Gemm.Multiply(_pool, dx, false, DownWeight(_parameters.Weights, slots), false, dh, false);
        SwiGlu.Backward(_pool, gateUp, dh); // now gateUp is its gradient and dh is h
        Gemm.Multiply(_pool, dx, true, dh, false, DownWeight(_parameters.Gradient, slots), accumulate);
        Gemm.Multiply(_pool, gateUp, true, normed, false, GateUpWeight(_parameters.Gradient, slots), accumulate);
        Gemm.Multiply(_pool, gateUp, false, GateUpWeight(_parameters.Weights, slots), false, dNormed, false);
        NormBackward(middle, slots.PostNorm, a.MiddleInverse, dNormed, dx, accumulate);
    }

    private void NormBackward(in Matrix x, long slot, RowBuffer inverse, in Matrix dy, in Matrix dx, bool accumulate)
    {
        if (!accumulate)
            new Span<float>(_parameters.Gradient + slot, D).Clear();
        RmsNorm.Backward(_pool, x, _parameters.Weights + slot, inverse.Rows(x.Rows).Data, dy, dx, _parameters.Gradient + slot);
    }

    private Matrix GateUp(float* kept, int rows) => kept is null ? _gateUp.Rows(rows) : new Matrix(kept, rows, 2 * F);

    private void Compact(ReadOnlySpan<int> kept, ReadOnlySpan<int> keptHeadRows)
    {
        for (int l = 0; l < _layers.Length; l++)
        {
            ReadOnlySpan<int> keptAfter = GoOn(l, kept, keptHeadRows);
            _residual[l].Compact(kept);
            _layers[l].Compact(kept, keptAfter);
            _keptValues.CompactGateUp(l, keptAfter);
        }

        _residual[^1].Compact(keptHeadRows);
        _outputInverse.Compact(keptHeadRows);
    }

    private Matrix QkvWeight(float* block, in LayerSlots slots) => new(block + slots.Qkv, _shape.RowWidth, D);

    private Matrix OutputWeight(float* block, in LayerSlots slots) => new(block + slots.Output, D, _shape.QueryWidth);

    private Matrix GateUpWeight(float* block, in LayerSlots slots) => new(block + slots.GateUp, 2 * F, D);

    private Matrix DownWeight(float* block, in LayerSlots slots) => new(block + slots.Down, D, F);

    private static void Copy(in Matrix from, in Matrix to)
    {
        long bytes = (long)from.Rows * from.Columns * sizeof(float);
        Buffer.MemoryCopy(from.Data, to.Data, bytes, bytes);
    }
}
