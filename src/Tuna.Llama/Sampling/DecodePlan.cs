using System.Diagnostics.CodeAnalysis;
using Tuna.Llama.Model;
using Tuna.Llama.Tensors;
using Tuna.Llama.Tensors.Cuda;
using static TorchSharp.torch;

namespace Tuna.Llama.Sampling;

/// <summary>Attention of one new token of each sample to its own cache.</summary>
internal abstract class DecodePlan : AttentionPlan
{
    /// <summary>The plan that suits the device.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="places">Place of each sample's new token, [S].</param>
    public static DecodePlan Of(ModelParts model, KeyValueCache cache, int[] places) =>
        model.Operations.Kernels is { } kernels
            ? new KernelDecodePlan(model, cache, places, kernels) : new PlainDecodePlan(model, cache, places);

    /// <summary>Goes on to the samples' next places; a sample that has reached the cache's last one stays there.</summary>
    public abstract void Advance();
}

/// <summary>With libtorch's attention and a mask. On a GPU lengths are rounded up, so that its shapes are few.</summary>
internal sealed class PlainDecodePlan : DecodePlan
{
    private const int Step = 64; // of the lengths on a GPU

    private readonly ModelParts _model;
    private readonly KeyValueCache _cache;
    private int[] _places;
    private Rotary _angles;
    private Tensor _flat;    // where the new keys go, Int64, [S]
    private Tensor _visible; // [S, 1, 1, length]
    private int _length;

    public PlainDecodePlan(ModelParts model, KeyValueCache cache, int[] places)
    {
        (_model, _cache) = (model, cache);
        Set(places);
    }

    public override void Advance()
    {
        Dispose();
        Set(Array.ConvertAll(_places, p => Math.Min(p + 1, _cache.Room - 1)));
    }

    [MemberNotNull(nameof(_places), nameof(_angles), nameof(_flat), nameof(_visible))]
    private void Set(int[] places)
    {
        using DisposeScope scope = NewDisposeScope();
        _places = places;
        _length = Length(places.Max(), _cache.Room, _model.Device.type == DeviceType.CPU);
        Tensor own = _model.Operations.Link.WriteIndices(places, _model.Device);
        _angles = new Rotary(scope.Detach(_cache.Angles.Cos.index_select(0, own)), scope.Detach(_cache.Angles.Sin.index_select(0, own)));
        _flat = scope.Detach(own + (arange(places.Length, ScalarType.Int64, _model.Device) * _cache.Room));
        _visible = scope.Detach(arange(_length, ScalarType.Int64, _model.Device).unsqueeze(0).le(own.unsqueeze(1)).view(places.Length, 1, 1,
            _length));
    }

    /// <summary>How many places are looked at for new tokens up to a place.</summary>
    internal static int Length(int place, int room, bool onCpu) => onCpu ? place + 1 : Math.Min(room, (place + Step) / Step * Step);

    public override Tensor Attend(int layer, Tensor qkv, LayerTrace? trace)
    {
        using DisposeScope scope = NewDisposeScope();
        HeadShape shape = _model.Shape;
        long samples = qkv.shape[0], queries = shape.Heads * shape.Width, keys = shape.KeyHeads * shape.Width;
        _model.Operations.Rotate(qkv, _angles, shape.Heads + shape.KeyHeads, back: false);
        _cache.Write(layer, _flat, qkv.narrow(1, queries, keys), qkv.narrow(1, queries + keys, keys));
        // The query heads that share a key head are its rows: [S, K, G, E].
        Tensor q = qkv.narrow(1, 0, queries).reshape(samples, shape.KeyHeads, shape.Fold, shape.Width);
        return scope.MoveToOuter(
            nn.functional.scaled_dot_product_attention(q, Seen(_cache.Keys(layer)), Seen(_cache.Values(layer)), _visible).reshape(samples,
            queries));

        Tensor Seen(Tensor cache) => cache.narrow(1, 0, _length).transpose(1, 2);
    }

    public override void Dispose()
    {
        _angles.Dispose();
        _flat.Dispose();
        _visible.Dispose();
    }
}

/// <summary>With a kernel for rotation and cache and one for attention, whose shapes do not change from token to token.</summary>
internal sealed class KernelDecodePlan : DecodePlan
{
    private readonly ModelParts _model;
    private readonly KeyValueCache _cache;
    private readonly KernelModule _kernels;
    private readonly Tensor _places; // Int32, [S]

    public KernelDecodePlan(ModelParts model, KeyValueCache cache, int[] places, KernelModule kernels)
        : this(model, cache, model.Operations.Link.Write(places, model.Device).DetachFromDisposeScope(), kernels)
    {
    }

    /// <param name="model">The model.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="places">Place of each sample's new token, Int32, [S]; the plan frees it.</param>
    /// <param name="kernels">The kernels.</param>
    public KernelDecodePlan(ModelParts model, KeyValueCache cache, Tensor places, KernelModule kernels) =>
        (_model, _cache, _places, _kernels) = (model, cache, places, kernels);

    public override void Advance() => _places.add_(1).clamp_(max: _cache.Room - 1); // on the device: nothing crosses

    public override Tensor Attend(int layer, Tensor qkv, LayerTrace? trace)
    {
        (int heads, int keys, int width) = _model.Shape;
        int samples = (int)qkv.shape[0];
        Tensor result = empty([samples, heads * width], qkv.dtype, qkv.device);
        ulong x = Argument.Of(qkv), k = Argument.Of(_cache.Keys(layer)), v = Argument.Of(_cache.Values(layer)),
            places = Argument.Of(_places);
        _kernels.Launch(
            "append", (samples, heads + (2 * keys)), 32, 0,
            x, k, v, places, Argument.Of(_cache.Angles.Cos), Argument.Of(_cache.Angles.Sin), Argument.Of(heads), Argument.Of(keys),
                Argument.Of(_cache.Room));
        _kernels.Launch(
            "decode_attention", (samples, keys), 256, 0,
            x, k, v, Argument.Of(result), places, Argument.Of(heads), Argument.Of(keys), Argument.Of(_cache.Room),
                Argument.Of((float)(1 / Math.Sqrt(width))));
        return result;
    }

    public override void Dispose() => _places.Dispose();
}
