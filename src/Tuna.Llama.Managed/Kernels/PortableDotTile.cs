using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Dot products in registers as wide as the processor's.</summary>
internal readonly unsafe struct PortableDotTile : IDotTile
{
    public static bool IsSupported => true;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row(float* x, float* y, long stride, float* next, int depth, float* sums)
    {
        float* y1 = y + stride, y2 = y1 + stride, y3 = y2 + stride;
        Fold(Dot(x, y, next, depth), Dot(x, y1, next + depth, depth), Dot(x, y2, next + (2 * depth), depth), Dot(x, y3, next + (3 * depth), depth)).Store(sums);
        DotTail.Add(x, 0, 1, y, stride, depth / Vector<float>.Count * Vector<float>.Count, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourRows(float* x, long xStride, float* y, long stride, float* next, int depth, float* sums)
    {
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride, z = y;
        int k = 0;
        for (int j = 0; j < 4; j++, z += stride, next += depth)
        {
            Vector<float> s0 = Vector<float>.Zero, s1 = Vector<float>.Zero, s2 = Vector<float>.Zero, s3 = Vector<float>.Zero;
            for (k = 0; k + Vector<float>.Count <= depth; k += Vector<float>.Count)
            {
                Vector<float> b = Vector.Load(z + k);
                Prefetch(next + k);
                s0 = Vector.MultiplyAddEstimate(Vector.Load(x + k), b, s0);
                s1 = Vector.MultiplyAddEstimate(Vector.Load(x1 + k), b, s1);
                s2 = Vector.MultiplyAddEstimate(Vector.Load(x2 + k), b, s2);
                s3 = Vector.MultiplyAddEstimate(Vector.Load(x3 + k), b, s3);
            }

            DotTail.Scatter(Fold(s0, s1, s2, s3), sums + j);
        }

        DotTail.Add(x, xStride, 4, y, stride, k, depth, sums);
    }

    public static void EightRows(float* x, long xStride, float* y, long stride, float* next, int depth, float* sums)
    {
        FourRows(x, xStride, y, stride, next, depth, sums);
        FourRows(x + (4 * xStride), xStride, y, stride, next, depth, sums + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Dot(float* x, float* y, float* next, int depth)
    {
        Vector<float> sum = Vector<float>.Zero;
        for (int k = 0; k + Vector<float>.Count <= depth; k += Vector<float>.Count)
        {
            Prefetch(next + k);
            sum = Vector.MultiplyAddEstimate(Vector.Load(x + k), Vector.Load(y + k), sum);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fold(Vector<float> a, Vector<float> b, Vector<float> c, Vector<float> d) => Vector128.Create(Vector.Sum(a), Vector.Sum(b), Vector.Sum(c), Vector.Sum(d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }
}

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

    /// <summary>Adds the products from <paramref name="from"/> on, which fill no register, to the sums of <paramref name="rows"/> rows x with four rows y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float* x, long xStride, int rows, float* y, long stride, int from, int depth, float* sums)
    {
        if (from < depth)
            AddRest(x, xStride, rows, y, stride, from, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRest(float* x, long xStride, int rows, float* y, long stride, int from, int depth, float* sums)
    {
        for (int i = 0; i < rows; i++, x += xStride, sums += 4)
        {
            for (int k = from; k < depth; k++)
            {
                for (int j = 0; j < 4; j++)
                    sums[j] += x[k] * y[(j * stride) + k];
            }
        }
    }
}
