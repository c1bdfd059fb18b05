using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>The matrices that guess what will be sampled: a copy of the weights in a byte each, read in a quarter of the time.</summary>
internal sealed unsafe class DraftWeights(DecodingMatrices matrices, WorkerPool pool) : IDecodingProducts, IDisposable
{
    // Making the copy takes about as long as a step, and rounds save a quarter of one or more.
    private const int StepsWorthACopy = 16;

    private readonly NativeBuffer _copy = new(), _rounded = new();
    private readonly long[] _offsets = matrices.Offsets(Int8Matrix.Floats);
    private long _version = -1; // of the weights that were copied

    /// <summary>Bytes of the copy; 0 while there is none.</summary>
    public long CopyBytes => _copy.Capacity * sizeof(float);

    /// <summary>Makes the copy, or makes it again when the weights have changed since.</summary>
    /// <param name="steps">How many tokens may still follow.</param>
    /// <returns>Whether there is a copy of these weights: not when so few tokens are not worth one.</returns>
    public bool Follow(int steps)
    {
        if (matrices.Version == _version)
            return true;
        if (steps < StepsWorthACopy)
            return false;
        _version = -1; // also when what follows throws
        _copy.Ensure(_offsets[^1]);
        for (int i = 0; i < matrices.Count; i++)
            Int8Copy.Make(pool, matrices[i], Copy(i));
        _version = matrices.Version;
        return true;
    }

    /// <summary>Gives the copy back.</summary>
    public void Release()
    {
        _version = -1;
        _copy.Dispose();
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix x, DecodingMatrix matrix, int layer, in Matrix c, Update update) =>
        Int8Rows.Multiply(pool, x, _rounded, Copy(matrices.Index(matrix, layer)), c, update);

    public void Dispose()
    {
        Release();
        _rounded.Dispose();
    }

    private Int8Matrix Copy(int index) => new((nint)(_copy.Pointer + _offsets[index]), matrices[index].Rows, matrices[index].Columns);
}
