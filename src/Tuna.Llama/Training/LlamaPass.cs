using Tuna.Llama.Batches;
using Tuna.Llama.Model;
using Tuna.Numerics;
using Tuna.Policies;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Training;

/// <summary>A forward pass over a micro-batch and its backward.</summary>
internal sealed class LlamaPass : IPolicyPass
{
    /// <summary>
    /// With all activations kept, backward costs two forwards over ALL rows; recomputing costs three over the rows of active responses.
    /// Below two thirds the second is cheaper.
    /// </summary>
    private const double RecomputeBelow = 2.0 / 3;

    private readonly LlamaBackbone _model;
    private readonly TrainingParameters _parameters;
    private readonly ulong _seed;
    private readonly PackedBatch _batch;
    private readonly double[] _outputs;
    private readonly List<Tensor> _inputs = []; // x of every layer and the last one's output, [N, D]
    private Tensor? _hidden;    // normalized hidden states of the rows that the head reads, [U, D]
    private Tensor? _kept;      // what the head keeps of each, [U]
    private bool _keptGraph;
    private bool _used;
    private bool _disposed;

    public LlamaPass(LlamaBackbone model, TrainingParameters parameters, IReadOnlyList<TokenGroup> groups, bool keep, ulong seed, CancellationToken cancellationToken)
    {
        _model = model;
        _parameters = parameters;
        _seed = seed;
        _keptGraph = keep;
        _batch = PackedBatch.Of(groups, model.ResponseHead.Reads);
        _outputs = new double[_batch.ResponseCount];
        try
        {
            Run(cancellationToken);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ReadOnlySpan<double> LogProbs => _disposed ? throw new ObjectDisposedException(nameof(IPolicyPass)) : _outputs;

    private void Run(CancellationToken cancellationToken)
    {
        using IDisposable mode = _keptGraph ? enable_grad() : no_grad();
        using DisposeScope scope = NewDisposeScope();
        using var plan = Plan(_batch);
        Tensor x = Embed(_model, _batch).requires_grad_(_keptGraph && _parameters.Embedding is not null);
        _inputs.Add(scope.Detach(x));
        foreach (DecoderLayer layer in _model.Layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            x = layer.Forward(x, plan);
            _inputs.Add(scope.Detach(x));
        }

        _hidden = scope.Detach(Top(x, _batch));
        _kept = _model.ResponseHead.Forward(_hidden, _batch.Targets, _outputs);
        if (_kept is not null)
            scope.Detach(_kept);
    }

    public void Backward(ReadOnlySpan<double> gradient)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_used)
            throw new InvalidOperationException("Backward was already called on this pass.");
        if (gradient.Length != _outputs.Length)
            throw new ArgumentException($"The gradient has {gradient.Length} entries; the pass has {_outputs.Length} responses.", nameof(gradient));
        var active = new bool[gradient.Length];
        bool any = false;
        for (int r = 0; r < gradient.Length; r++)
        {
            if (!double.IsFinite(gradient[r]))
                throw new ArgumentException($"The gradient of response {r} is {gradient[r]}; gradients are finite.", nameof(gradient));
            active[r] = gradient[r] != 0;
            any |= active[r];
        }

        _used = true;
        if (!any)
            return;
        bool all = Array.TrueForAll(active, a => a);
        PackedBatch needed = all ? _batch : _batch.Restrict(active);
        if (_keptGraph && needed.RowCount >= RecomputeBelow * _batch.RowCount)
            BackwardKept(gradient);
        else
            BackwardRecomputed(needed, gradient);
        Free();
    }

    private void BackwardKept(ReadOnlySpan<double> gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor dh = HeadBackward(_hidden!, _kept, _batch, gradient);
        Tensor? embedded = _parameters.Embedding is null ? null : _inputs[0];
        TrainedParameter[] trained = [.. _parameters.Layers.SelectMany(l => l), .. _parameters.Norm];
        Tensor? dx = Differentiate(_hidden!, dh, embedded, trained);
        EmbeddingBackward(_batch, dx);
    }

    private void BackwardRecomputed(PackedBatch needed, ReadOnlySpan<double> gradient)
    {
        using IDisposable mode = enable_grad();
        using DisposeScope scope = NewDisposeScope();
        using Tensor? rows = needed.SourceRows is { } source ? tensor(Array.ConvertAll(source, r => (long)r), device: _model.Device) : null;
        using var plan = Plan(needed, rows);

        Tensor x = Input(_model.Layers.Count, grad: true);
        Tensor hidden = Top(x, needed);
        Tensor? kept = needed.SourceRows is null ? _kept : Restricted(needed);
        Tensor? dx = Differentiate(hidden, HeadBackward(hidden, kept, needed, gradient), x, _parameters.Norm);
        for (int l = _model.Layers.Count - 1; l >= 0 && dx is not null; l--)
        {
            using DisposeScope layerScope = NewDisposeScope();
            bool below = _parameters.LowestLayer < l; // below the lowest layer that trains nothing needs a gradient
            Tensor input = Input(l, below);
            Tensor output = _model.Layers[l].Forward(input, plan);
            Tensor previous = dx;
            dx = output.requires_grad ? Differentiate(output, dx, below ? input : null, _parameters.Layers[l]) : null;
            if (dx is not null)
                layerScope.MoveToOuter(dx);
            previous.Dispose();
        }

        EmbeddingBackward(needed, dx);

        Tensor Input(int layer, bool grad)
        {
            Tensor stored = _inputs[layer].detach();
            return (rows is null ? stored : stored.index_select(0, rows)).requires_grad_(grad);
        }
    }

    /// <summary>What the head keeps of a restricted batch's rows, from that of the whole.</summary>
    private Tensor? Restricted(PackedBatch needed)
    {
        if (_kept is null)
            return null;
        var place = new Dictionary<int, int>();
        for (int u = 0; u < _batch.Targets.Rows.Length; u++)
            place[_batch.Targets.Rows[u]] = u;
        long[] places = Array.ConvertAll(needed.Targets.Rows, r => (long)place[needed.SourceRows![r]]);
        using Tensor index = tensor(places, device: _model.Device);
        return _kept.index_select(0, index);
    }

    private Tensor HeadBackward(Tensor hidden, Tensor? kept, PackedBatch batch, ReadOnlySpan<double> gradient) =>
        _model.ResponseHead.Backward(hidden.detach(), batch.Targets, kept, gradient, _parameters.Head);

    private void EmbeddingBackward(PackedBatch batch, Tensor? dx)
    {
        if (_parameters.Embedding is not { } embedding || dx is null)
            return;
        using Tensor ids = tensor(Array.ConvertAll(batch.Tokens, t => (long)t), device: _model.Device);
        embedding.AccumulateRows(ids, dx);
    }

    /// <summary>Differentiates output with respect to an input and parameters, adds the parameters' gradients up and returns the input's.</summary>
    private static Tensor? Differentiate(Tensor output, Tensor gradient, Tensor? input, IReadOnlyList<TrainedParameter> parameters)
    {
        Tensor[] with = [.. input is null ? [] : new[] { input }, .. parameters.Select(p => (Tensor)p.Parameter)];
        if (with.Length == 0)
            return null;
        using DisposeScope scope = NewDisposeScope();
        IList<Tensor> gradients = autograd.grad([output], with, [gradient]);
        int offset = input is null ? 0 : 1;
        for (int p = 0; p < parameters.Count; p++)
        {
            parameters[p].Accumulate(gradients[offset + p]);
            gradients[offset + p].Dispose();
        }

        return input is null ? null : scope.MoveToOuter(gradients[0]);
    }

    private Tensor Top(Tensor x, PackedBatch batch)
    {
        using Tensor rows = tensor(Array.ConvertAll(batch.Targets.Rows, r => (long)r), device: _model.Device);
        return _model.Norm.Forward(x.index_select(0, rows));
    }

    private PackedPlan Plan(PackedBatch batch, Tensor? rows = null) => new(batch, _model.Config, _model.Device, _model.DType)
    {
        Dropout = _model.Lora is { Dropout: > 0 } lora ? new AdapterDropout(lora.Dropout, _seed, _batch.RowCount, rows) : null,
    };

    internal static Tensor Embed(LlamaBackbone model, PackedBatch batch)
    {
        using IDisposable mode = no_grad();
        using Tensor ids = tensor(Array.ConvertAll(batch.Tokens, t => (long)t), device: model.Device);
        return model.Embedding.index_select(0, ids);
    }

    private void Free()
    {
        foreach (Tensor input in _inputs)
            input.Dispose();
        _inputs.Clear();
        _hidden?.Dispose();
        _hidden = null;
        _kept?.Dispose();
        _kept = null;
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Free();
        _parameters.PassClosed(this);
    }
}
