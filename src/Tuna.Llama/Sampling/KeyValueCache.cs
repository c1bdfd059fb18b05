using Tuna.Llama.Model;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Sampling;

/// <summary>Keys and values of every layer for S samples, [S, room, K, E], allocated once; and the rotary angles of all places.</summary>
/// <remarks>Zeros, not garbage: what a mask hides still is multiplied by its weight of zero.</remarks>
internal sealed class KeyValueCache : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;

    /// <param name="model">The model.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="samples">S.</param>
    /// <param name="room">Places of each.</param>
    public KeyValueCache(ModelParts model, int layers, int samples, int room)
    {
        long[] shape = [samples, room, model.Shape.KeyHeads, model.Shape.Width];
        Room = room;
        _keys = [.. Enumerable.Range(0, layers).Select(_ => zeros(shape, model.DType, model.Device).DetachFromDisposeScope())];
        _values = [.. Enumerable.Range(0, layers).Select(_ => zeros(shape, model.DType, model.Device).DetachFromDisposeScope())];
        Angles = Rotary.Of(model.Rotation, [.. Enumerable.Range(0, room)], model.Device, model.Operations.AngleType(model.DType),
            model.Operations.Link);
    }

    /// <summary>Places of each sample.</summary>
    public int Room { get; }

    /// <summary>Angles of the places, [room, E / 2].</summary>
    public Rotary Angles { get; }

    public Tensor Keys(int layer) => _keys[layer];

    public Tensor Values(int layer) => _values[layer];

    /// <summary>Writes rows of keys and values, [M, K E], to flat places, Int64, [M]: sample times room plus place.</summary>
    public void Write(int layer, Tensor places, Tensor keys, Tensor values)
    {
        using Tensor k = Flat(_keys[layer]), v = Flat(_values[layer]);
        k.index_copy_(0, places, keys);
        v.index_copy_(0, places, values);
    }

    private static Tensor Flat(Tensor cache) => cache.view(cache.shape[0] * cache.shape[1], -1);

    /// <summary>Keeps some samples only.</summary>
    public void Keep(int[] samples, ModelParts model)
    {
        using Tensor index = model.Operations.Link.WriteIndices(samples, model.Device);
        for (int l = 0; l < _keys.Length; l++)
        {
            Select(ref _keys[l]);
            Select(ref _values[l]);
        }

        void Select(ref Tensor cache)
        {
            Tensor kept = cache.index_select(0, index).DetachFromDisposeScope();
            cache.Dispose();
            cache = kept;
        }
    }

    public void Dispose()
    {
        foreach (Tensor t in _keys.Concat(_values))
            t.Dispose();
        Angles.Dispose();
    }
}
