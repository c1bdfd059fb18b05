using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>The matrices that decide what is sampled: the weights themselves or their copy in bfloat16.</summary>
internal sealed unsafe class DecodingWeights(DecodingMatrices matrices, WorkerPool pool, DecodingPrecision precision)
    : IDecodingProducts, IDisposable
{
    // Making the copy reads and writes about as much as two or three steps read, and each step from it saves half of one. An exact copy
    // changes no result, so that it may depend on this.
    private const int StepsWorthACopy = 16;

    private readonly NativeBuffer _copy = new();
    private readonly long[] _offsets = matrices.Offsets(BFloat16Copy.Floats);
    private long _version = -1; // of the weights that were last looked at

    /// <summary>Bytes of the copy; 0 while there is none.</summary>
    public long CopyBytes => _copy.Capacity * sizeof(float);

    /// <summary>Whether a copy is read.</summary>
    public bool Copied { get; private set; }

    /// <summary>Makes, makes again or gives back the copy when the weights have changed since.</summary>
    /// <param name="steps">How often the weights are to be read.</param>
    public void Follow(int steps)
    {
        if (matrices.Version == _version || steps == 0)
            return;
        bool rounds = precision == DecodingPrecision.BFloat16;
        Copied = false; // what there is is of older weights; also when what follows throws
        if (!rounds && steps < StepsWorthACopy)
            return; // whether these have a copy is looked at when it matters
        _copy.Ensure(_offsets[^1]);
        bool copied = true;
        for (int i = 0; i < matrices.Count && copied; i++)
            copied = BFloat16Copy.Make(pool, matrices[i], Copy(i), exactOnly: !rounds);
        (Copied, _version) = (copied, matrices.Version);
        if (!copied)
            _copy.Dispose();
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix x, DecodingMatrix matrix, int layer, in Matrix c, Update update)
    {
        int index = matrices.Index(matrix, layer);
        if (Copied)
            DotRows.Multiply(pool, x, Copy(index), c, update);
        else
            DotRows.Multiply(pool, x, matrices[index], c, update);
    }

    public void Dispose() => _copy.Dispose();

    private WeightRows<BFloat16Format> Copy(int index) =>
        BFloat16Copy.View(_copy.Pointer + _offsets[index], matrices[index].Rows, matrices[index].Columns);
}
