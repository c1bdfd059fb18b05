using System.Runtime.InteropServices;
using Tuna.Llama.Batches;
using Tuna.Llama.Model;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Passes;

/// <summary>A forward pass over a micro-batch and its backward.</summary>
internal sealed class LlamaPass : IForwardPass
{
    private readonly LlamaBackbone _model;
    private readonly TrainingParameters _parameters;
    private readonly ulong _seed;
    private readonly PackedBatch _batch;
    private readonly double[] _outputs;
    private readonly List<Tensor> _inputs = [];      // x of every layer and the last one's output, [N, D]
    private readonly List<LayerTrace> _traces = [];  // of the upper layers, as many as are kept
    private readonly int _firstKept; // layers below are computed again
    private readonly Func<ExternalException, string, Exception> _explain; // of memory that ran out
    private PackedPlan? _plan;
    private Tensor? _kept; // what the head keeps of each, [U]
    private bool _used;
    private bool _disposed;

    public LlamaPass(LlamaBackbone model, TrainingParameters parameters, IReadOnlyList<TokenGroup> groups, int kept, ulong seed,
        Func<ExternalException, string, Exception> explain, CancellationToken cancellationToken)
    {
        _explain = explain;
        _model = model;
        _parameters = parameters;
        _seed = seed;
        _firstKept = model.Layers.Count - kept;
        _batch = PackedBatch.Of(groups, model.ResponseHead.Reads);
        _outputs = new double[_batch.ResponseCount];
        try
        {
            Run(cancellationToken);
        }
        catch (Exception e)
        {
            Dispose();
            if (e is ExternalException native && DeviceMemoryException.Is(native))
                throw explain(native, "in the forward pass over");
            throw;
        }
    }

    /// <summary>Layers whose activations it holds.</summary>
    public int KeptLayers => _traces.Count;

    public ReadOnlySpan<double> Values => _disposed ? throw new ObjectDisposedException(nameof(IForwardPass)) : _outputs;

    private void Run(CancellationToken cancellationToken)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _plan = Plan(_batch);
        Tensor x = LayerRun.Embed(_model, _batch);
        Tensor last = LayerRun.Run(_model, x, _plan, 0, _model.Layers.Count, Trace, cancellationToken);
        _inputs.Add(scope.Detach(last));
        Tensor hidden = Top(last, _batch, out Tensor read);
        read.Dispose();
        _kept = _model.ResponseHead.Forward(hidden, _batch.Targets, _outputs, _model.Parts.Operations);
        if (_kept is not null)
            scope.Detach(_kept);
        if (_firstKept < _model.Layers.Count)
            return;
        _plan.Dispose();
        _plan = null;

        LayerTrace? Trace(int layer, Tensor input)
        {
            _inputs.Add(input.DetachFromDisposeScope());
            if (layer < _firstKept)
                return null;
            _traces.Add(new LayerTrace(input));
            return _traces[^1];
        }
    }

    public void Backward(ReadOnlySpan<double> gradient)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_used)
            throw new InvalidOperationException("Backward was already called on this pass.");
        if (gradient.Length != _outputs.Length)
            throw new ArgumentException($"The gradient has {gradient.Length} entries; the pass has {_outputs.Length} responses.",
                nameof(gradient));
        bool any = false;
        for (int r = 0; r < gradient.Length; r++)
        {
            if (!double.IsFinite(gradient[r]))
                throw new ArgumentException($"The gradient of response {r} is {gradient[r]}; gradients are finite.", nameof(gradient));
            any |= gradient[r] != 0;
        }

        _used = true;
        if (!any)
            return;
        Sweep(gradient, arrived: null);
        Free();
    }

    /// <summary>
    /// Over ALL rows a kept layer's backward costs two forwards, another's three; over the rows of active responses all cost three. The
    /// share of rows below which the second is cheaper: two thirds where everything is kept.
    /// </summary>
    private double RecomputeBelow => 1 - ((_model.Layers.Count - _firstKept) / (3.0 * _model.Layers.Count));

    /// <summary>Goes backward once; what the pass holds stays, and it may go again, then recomputing all layers.</summary>
    /// <param name="gradient">dL/d(output) of every response, not all zero.</param>
    /// <param name="arrived">Called with every trained weight as soon as nothing more will be added to its gradient, which may then be
    /// taken and the weight moved; null leaves all gradients with their weights.</param>
    public void Sweep(ReadOnlySpan<double> gradient, Action<TrainedWeight>? arrived)
    {
        bool[] active = Array.ConvertAll(gradient.ToArray(), g => g != 0);
        PackedBatch needed = Array.TrueForAll(active, a => a) ? _batch : _batch.Restrict(active);
        try
        {
            if (_plan is not null && needed.RowCount >= RecomputeBelow * _batch.RowCount)
                Backward(_batch, _plan, null, gradient, arrived);
            else
                BackwardRecomputed(needed, gradient, arrived);
            _traces.Clear(); // each was freed after its layer
        }
        catch (ExternalException e) when (DeviceMemoryException.Is(e))
        {
            Free();
            _parameters.ClearGradients(); // a part of this one was added
            throw _explain(e, "in the backward pass over");
        }
    }

    private void BackwardRecomputed(PackedBatch needed, ReadOnlySpan<double> gradient, Action<TrainedWeight>? arrived)
    {
        foreach (LayerTrace trace in _traces)
            trace.Dispose();
        _traces.Clear();
        using Tensor? rows = needed.SourceRows is { } source ? Index(source) : null;
        using PackedPlan plan = Plan(needed, rows);
        Backward(needed, plan, rows, gradient, arrived);
    }

    /// <summary>Backward from the head to the embedding; layers without a trace are run again on the rows of the batch.</summary>
    /// <param name="batch">The rows that have a gradient, or all.</param>
    /// <param name="plan">The plan of that batch.</param>
    /// <param name="rows">Which rows of the pass they are; null for all.</param>
    /// <param name="gradient">dL/d(output) of every response.</param>
    /// <param name="arrived">As in <see cref="Sweep"/>.</param>
    private void Backward(PackedBatch batch, PackedPlan plan, Tensor? rows, ReadOnlySpan<double> gradient, Action<TrainedWeight>? arrived)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor dx = HeadBackward(batch, rows, gradient);
        Arrive(_parameters.AboveLayers, arrived);
        for (int l = _model.Layers.Count - 1; l >= 0 && l >= _parameters.LowestLayer; l--)
        {
            using DisposeScope layerScope = NewDisposeScope();
            LayerTrace trace = l >= _firstKept && _traces.Count > 0 ? _traces[l - _firstKept] : Retrace(l, rows, plan);
            // Below the lowest layer that is trained nothing needs a gradient.
            Tensor? next = _model.Layers[l].Backward(trace, dx, plan, _model.Parts.Operations, needed: _parameters.LowestLayer < l);
            trace.Dispose();
            dx.Dispose();
            Arrive(_model.Layers[l].Weights(), arrived);
            if (next is null)
                return;
            dx = layerScope.MoveToOuter(next);
        }

        if (_model.EmbeddingWeight.Trained is not { } embedding)
            return;
        using Tensor ids = Index(batch.Tokens);
        embedding.AddRows(ids, dx);
        Arrive([_model.EmbeddingWeight], arrived);
    }

    private static void Arrive(IEnumerable<Weight> weights, Action<TrainedWeight>? arrived)
    {
        if (arrived is null)
            return;
        foreach (TrainedWeight weight in weights.Select(w => w.Trained).OfType<TrainedWeight>())
            arrived(weight);
    }

    private LayerTrace Retrace(int layer, Tensor? rows, PackedPlan plan)
    {
        var trace = new LayerTrace(Rows(_inputs[layer], rows));
        _model.Layers[layer].Retrace(trace, plan, _model.Parts.Operations);
        return trace;
    }

    /// <summary>From the responses' gradients to that of the last layer's output, [N, D].</summary>
    private Tensor HeadBackward(PackedBatch batch, Tensor? rows, ReadOnlySpan<double> gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor last = Rows(_inputs[^1], rows);
        Tensor hidden = Top(last, batch, out Tensor read);
        Tensor? kept = rows is null ? _kept : Restricted(batch);
        Tensor dh = _model.ResponseHead.Backward(hidden, batch.Targets, kept, gradient, _model.Parts.Operations);
        Tensor dRead = _model.Norm.Backward(dh, read, null, _model.Parts.Operations);
        using Tensor index = Index(batch.Targets.Rows);
        // Each row is read once: nothing meets.
        return scope.MoveToOuter(zeros_like(last).index_copy_(0, index, dRead));
    }

    /// <summary>What the head keeps of a restricted batch's rows, from that of the whole.</summary>
    private Tensor? Restricted(PackedBatch needed)
    {
        if (_kept is null)
            return null;
        var place = new Dictionary<int, int>();
        for (int u = 0; u < _batch.Targets.Rows.Length; u++)
            place[_batch.Targets.Rows[u]] = u;
        using Tensor index = Index(Array.ConvertAll(needed.Targets.Rows, r => place[needed.SourceRows![r]]));
        return _kept.index_select(0, index);
    }

    /// <summary>Normalized hidden states of the rows that the head reads, [U, D], and the rows themselves.</summary>
    private Tensor Top(Tensor x, PackedBatch batch, out Tensor read)
    {
        using Tensor rows = Index(batch.Targets.Rows);
        read = x.index_select(0, rows);
        return _model.Norm.Run(read, _model.Parts.Operations);
    }

    private Tensor Index(int[] rows) => _model.Parts.Operations.Link.WriteIndices(rows, _model.Device);

    private static Tensor Rows(Tensor x, Tensor? rows) => rows is null ? x.alias() : x.index_select(0, rows);

    private PackedPlan Plan(PackedBatch batch, Tensor? rows = null) =>
        PackedPlan.Of(batch, _model.Parts, _model.Lora is { Dropout: > 0 } lora
            ? new AdapterDropout(lora.Dropout, _seed, _batch.RowCount, rows, _model.Parts.Operations.Link) : null);

    private void Free()
    {
        foreach (LayerTrace trace in _traces)
            trace.Dispose();
        _traces.Clear();
        foreach (Tensor input in _inputs)
            input.Dispose();
        _inputs.Clear();
        _kept?.Dispose();
        _kept = null;
        _plan?.Dispose();
        _plan = null;
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
