namespace Tuna.Llama.Managed.Kernels;

/// <summary>Dot products of some rows x with four rows y of weights, in registers. The order of a sum is the same in all methods and
/// formats: lanes along the depth, the lanes, the rest.</summary>
/// <remarks>The rows y come from memory, and memory is fastest when it is read as one stream, or two: the rows y are read one or two at a
/// time.</remarks>
internal unsafe interface IDotTile
{
    /// <summary>Whether this processor runs it at speed.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>sums[j] = x . yj.</summary>
    /// <typeparam name="TFormat">How the weights lie in memory.</typeparam>
    /// <param name="x">The row, [depth].</param>
    /// <param name="y">The first of four rows at the start of a block, [4, depth].</param>
    /// <param name="stride">Bytes from one y to the next.</param>
    /// <param name="next">What is fetched for later meanwhile, as many bytes as are read of the rows y.</param>
    /// <param name="depth">Length of a row.</param>
    /// <param name="sums">Receives the products, [4].</param>
    static abstract void Row<TFormat>(float* x, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat;

    /// <summary>sums[4 i + j] = xi . yj for four rows x, <paramref name="xStride"/> floats apart.</summary>
    static abstract void FourRows<TFormat>(float* x, long xStride, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat;

    /// <summary>sums[4 i + j] = xi . yj for eight rows x, <paramref name="xStride"/> floats apart.</summary>
    static abstract void EightRows<TFormat>(float* x, long xStride, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat;
}
