using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>Attention within a packed batch: prompts attend to themselves, responses to their prompt and to themselves; never
/// across.</summary>
internal abstract class PackedPlan : AttentionPlan
{
    private protected PackedPlan(PackedBatch batch, ModelParts model)
    {
        (Batch, Shape, Operations) = (batch, model.Shape, model.Operations);
        Angles = Rotary.Of(model.Rotation, batch.Positions, model.Device, model.Operations.AngleType(model.DType),
            model.Operations.Link);
    }

    /// <summary>The plan that suits the device.</summary>
    public static PackedPlan Of(PackedBatch batch, ModelParts model, AdapterDropout? dropout = null) =>
        model.Flash is not null ? new FlashPlan(batch, model) { Dropout = dropout } : new PlainPlan(batch, model) { Dropout = dropout };

    protected PackedBatch Batch { get; }

    protected HeadShape Shape { get; }

    protected Operations Operations { get; }

    protected Rotary Angles { get; }

    /// <summary>Called with each layer's rotated keys and values, [N, K E] both, before attention: how a cache is filled.</summary>
    public Action<int, Tensor, Tensor>? OnKeyValues { get; set; }

    public override Tensor Attend(int layer, Tensor qkv, LayerTrace? trace)
    {
        Operations.Rotate(qkv, Angles, Shape.Heads + Shape.KeyHeads, back: false);
        if (OnKeyValues is { } fill)
        {
            long width = Shape.KeyHeads * Shape.Width;
            using Tensor keys = qkv.narrow(1, Shape.Heads * Shape.Width, width),
                values = qkv.narrow(1, (Shape.Heads * Shape.Width) + width, width);
            fill(layer, keys, values);
        }

        return Attend(qkv, trace);
    }

    /// <summary>Attention of rotated queries and keys.</summary>
    protected abstract Tensor Attend(Tensor qkv, LayerTrace? trace);

    /// <summary>Queries, keys and values of [N, (H + 2K) E] as views, [N, *, E].</summary>
    protected (Tensor Q, Tensor K, Tensor V) Parts(Tensor qkv)
    {
        Tensor heads = qkv.view(qkv.shape[0], Shape.Heads + (2 * Shape.KeyHeads), Shape.Width);
        return (heads.narrow(1, 0, Shape.Heads), heads.narrow(1, Shape.Heads, Shape.KeyHeads),
            heads.narrow(1, Shape.Heads + Shape.KeyHeads, Shape.KeyHeads));
    }

    public override void Dispose() => Angles.Dispose();
}

/// <summary>With libtorch's differentiable attention, a group at a time: on every device and for every type.</summary>
internal sealed class PlainPlan : PackedPlan
{
    private readonly RecordedAttention _attention;

    public PlainPlan(PackedBatch batch, ModelParts model)
        : base(batch, model) => _attention = new RecordedAttention(batch, model.Shape, Angles, model.Device, Operations.Link);

    protected override Tensor Attend(Tensor qkv, LayerTrace? trace)
    {
        using DisposeScope scope = NewDisposeScope();
        if (trace is null)
        {
            (Tensor q, Tensor k, Tensor v) = Parts(qkv);
            return scope.MoveToOuter(_attention.Attend(q, k, v));
        }

        using IDisposable mode = enable_grad();
        Tensor input = scope.Detach(qkv.detach().requires_grad_(true));
        (Tensor recordedQ, Tensor recordedK, Tensor recordedV) = Parts(input);
        Tensor output = scope.Detach(_attention.Attend(recordedQ, recordedK, recordedV));
        trace.Recorded = (input, output);
        return scope.MoveToOuter(output.detach());
    }

    public override Tensor Backward(LayerTrace trace, Tensor gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor input, Tensor output) = trace.Recorded!.Value;
        Tensor dqkv = autograd.grad([output], [input], [gradient])[0].contiguous();
        Operations.Rotate(dqkv, Angles, Shape.Heads + Shape.KeyHeads, back: true);
        return scope.MoveToOuter(dqkv);
    }

    public override void Dispose()
    {
        base.Dispose();
        _attention.Dispose();
    }
}

/// <summary>
/// With FlashAttention over all the batch's sequences at once: every sequence causally to itself, then the responses that share a prompt to
/// all of it, merged exactly by their sums. Two calls a layer, whatever the groups, and no masks.
/// </summary>
internal sealed class FlashPlan : PackedPlan
{
    private readonly SequenceAttention _flash;
    private readonly SequenceBounds _own;
    private readonly SequenceBounds? _prompts;

    public FlashPlan(PackedBatch batch, ModelParts model)
        : base(batch, model)
    {
        _flash = model.Flash!;
        List<int> lengths = batch.SequenceLengths();
        _own = SequenceBounds.Of(lengths, lengths, model.Device, Operations.Link);
        if (batch.SharedRows > 0)
            _prompts = SequenceBounds.Of([.. batch.Shared().Select(s => s.Responses.Sum(r => r.Length))],
                [.. batch.Shared().Select(s => s.PromptLength)], model.Device, Operations.Link);
    }

    protected override Tensor Attend(Tensor qkv, LayerTrace? trace)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor q, Tensor k, Tensor v) = Parts(qkv);
        (Tensor output, Tensor sums) = _flash.Forward(q, k, v, _own, causal: true);
        if (_prompts is not null)
        {
            (Tensor shared, Tensor sharedSums) = _flash.Forward(Sharing(q), Shared(k), Shared(v), _prompts, causal: false);
            Operations.MergeAttention(output, sums, shared, sharedSums, Batch.SharedRows);
        }

        if (trace is not null)
            trace.LogSums = scope.Detach(sums);
        return scope.MoveToOuter(output.view(qkv.shape[0], -1));
    }

    public override Tensor Backward(LayerTrace trace, Tensor gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor q, Tensor k, Tensor v) = Parts(trace.Qkv!);
        Tensor output = trace.Attended!.view(q.shape), up = gradient.view(q.shape), sums = trace.LogSums!;
        (Tensor Q, Tensor K, Tensor V) own = _flash.Backward(up, q, k, v, output, sums, _own, causal: true);
        (Tensor Q, Tensor K, Tensor V)? prompts = _prompts is null
            ? null
            : _flash.Backward(Sharing(up), Sharing(q), Shared(k), Shared(v), Sharing(output),
                sums.narrow(1, Batch.SharedRows, Batch.SharingRows).contiguous(), _prompts, causal: false);
        return scope.MoveToOuter(Operations.CollectAttention(own, prompts, Angles, Batch.SharedRows));
    }

    private Tensor Shared(Tensor x) => x.narrow(0, 0, Batch.SharedRows);

    private Tensor Sharing(Tensor x) => x.narrow(0, Batch.SharedRows, Batch.SharingRows);

    public override void Dispose()
    {
        base.Dispose();
        _own.Dispose();
        _prompts?.Dispose();
    }
}
