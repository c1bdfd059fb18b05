namespace Tuna.Llama.Managed.Kernels;

/// <summary>Dot products of some rows x with four rows y, in registers. The order of a sum is the same in all methods: lanes along the depth, the lanes, the rest.</summary>
/// <remarks>The rows y come from memory, and memory is fastest when it is read as one stream: where the rows x are few, one row y is read after the other.</remarks>
internal unsafe interface IDotTile
{
    /// <summary>Whether this processor runs it at speed.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>sums[j] = x . yj.</summary>
    /// <param name="x">The row, [depth].</param>
    /// <param name="y">The first of four rows, [4, depth].</param>
    /// <param name="stride">Floats from one y to the next.</param>
    /// <param name="next">What is fetched for later meanwhile, as many floats as are read of the rows y.</param>
    /// <param name="depth">Length of a row.</param>
    /// <param name="sums">Receives the products, [4].</param>
    static abstract void Row(float* x, float* y, long stride, float* next, int depth, float* sums);

    /// <summary>sums[4 i + j] = xi . yj for four rows x, <paramref name="xStride"/> floats apart.</summary>
    static abstract void FourRows(float* x, long xStride, float* y, long stride, float* next, int depth, float* sums);

    /// <summary>sums[4 i + j] = xi . yj for eight rows x, <paramref name="xStride"/> floats apart.</summary>
    static abstract void EightRows(float* x, long xStride, float* y, long stride, float* next, int depth, float* sums);
}
