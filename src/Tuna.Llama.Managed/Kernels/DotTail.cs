using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>What the tiles share.</summary>
internal static unsafe class DotTail
{
    /// <summary>Puts the four sums of one y where they belong: sums[4 i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector128<float> four, float* sums)
    {
        sums[0] = four[0];
        sums[4] = four[1];
        sums[8] = four[2];
        sums[12] = four[3];
    }

    /// <summary>Adds the products from <paramref name="from"/> on, which fill no register, to the sums of <paramref name="rows"/> rows x
    /// with four rows y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TFormat>(float* x, long xStride, int rows, byte* y, long stride, int from, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        if (from < depth)
            AddRest<TFormat>(x, xStride, rows, y, stride, from, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRest<TFormat>(float* x, long xStride, int rows, byte* y, long stride, int from, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        for (int i = 0; i < rows; i++, x += xStride, sums += 4)
        {
            for (int k = from; k < depth; k++)
            {
                for (int j = 0; j < 4; j++)
                    sums[j] += x[k] * TFormat.At(y + (j * stride), k);
            }
        }
    }
}
