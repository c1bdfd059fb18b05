using Tuna.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>The matrices that every new token is multiplied with: the weights themselves or their copy in bfloat16.</summary>
internal sealed unsafe class DecodingWeights : IDisposable
{
    // Making the copy reads and writes about as much as two or three steps read, and each step from it saves half of one. An exact copy changes no result, so that it may depend on this.
    private const int StepsWorthACopy = 16;

    private readonly LlamaParameters _parameters;
    private readonly WorkerPool _pool;
    private readonly DecodingPrecision _precision;
    private readonly NativeBuffer _copy = new();
    private readonly Place[] _places; // by layer and matrix; the logits' last
    private readonly long _floats; // of the copy
    private long _version = -1; // of the weights that were last looked at
    private bool _copied;

    public DecodingWeights(LlamaConfig config, LlamaParameters parameters, AttentionShape shape, WorkerPool pool, DecodingPrecision precision)
    {
        (_parameters, _pool, _precision) = (parameters, pool, precision);
        var places = new List<Place>();
        long floats = 0;
        foreach (LayerSlots at in parameters.Layers)
        {
            Add(at.Qkv, shape.RowWidth, config.HiddenSize);
            Add(at.Output, config.HiddenSize, shape.QueryWidth);
            Add(at.GateUp, 2 * config.IntermediateSize, config.HiddenSize);
            Add(at.Down, config.HiddenSize, config.IntermediateSize);
        }

        Add(parameters.OutputEmbedding, config.VocabularySize, config.HiddenSize);
        (_places, _floats) = ([.. places], floats);

        void Add(long offset, int rows, int columns)
        {
            places.Add(new Place(offset, floats, rows, columns));
            floats += BFloat16Copy.Floats(rows, columns);
        }
    }

    /// <summary>Bytes of the copy; 0 while there is none.</summary>
    public long CopyBytes => _copy.Capacity * sizeof(float);

    /// <summary>Makes, makes again or gives back the copy when the weights have changed since.</summary>
    /// <param name="steps">How often the weights are to be read.</param>
    public void Follow(int steps)
    {
        if (_parameters.Version == _version || steps == 0)
            return;
        bool rounds = _precision == DecodingPrecision.BFloat16;
        if (!rounds && steps < StepsWorthACopy)
        {
            // What there is is of older weights; whether these have a copy is looked at when it matters.
            _copied = false;
            return;
        }

        _copied = false; // also when what follows throws
        _copy.Ensure(_floats);
        _copied = Array.TrueForAll(_places, p => BFloat16Copy.Make(_pool, Weights(p), Copy(p), exactOnly: !rounds));
        _version = _parameters.Version;
        if (!_copied)
            _copy.Dispose();
    }

    /// <summary>c (+)= x W^T.</summary>
    /// <param name="x">Rows of new tokens.</param>
    /// <param name="matrix">Which W.</param>
    /// <param name="layer">Of which layer; the output embedding belongs to none.</param>
    /// <param name="c">The result.</param>
    /// <param name="accumulate">Whether to add to it or to overwrite it.</param>
    public void Multiply(in Matrix x, DecodingMatrix matrix, int layer, in Matrix c, bool accumulate)
    {
        Place place = matrix == DecodingMatrix.Logits ? _places[^1] : _places[(layer * (int)DecodingMatrix.Logits) + (int)matrix];
        if (_copied)
            DotRows.Multiply(_pool, x, Copy(place), c, accumulate);
        else
            DotRows.Multiply(_pool, x, Weights(place), c, accumulate);
    }

    public void Dispose() => _copy.Dispose();

    private Matrix Weights(Place p) => new(_parameters.Weights + p.Offset, p.Rows, p.Columns);

    private WeightRows<BFloat16Format> Copy(Place p) => BFloat16Copy.View(_copy.Pointer + p.CopyOffset, p.Rows, p.Columns);

    /// <summary>Where a matrix lies among the weights and in the copy, in floats.</summary>
    private readonly record struct Place(long Offset, long CopyOffset, int Rows, int Columns);
}

/// <summary>The matrices of a layer and, last, the output embedding.</summary>
internal enum DecodingMatrix
{
    /// <summary>Queries, keys and values.</summary>
    Qkv,

    /// <summary>Attention's output.</summary>
    Output,

    /// <summary>Gate and up.</summary>
    GateUp,

    /// <summary>The MLP's output.</summary>
    Down,

    /// <summary>The output embedding.</summary>
    Logits,
}
