using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Dot products in AVX-512 registers.</summary>
internal readonly unsafe struct Avx512DotTile : IDotTile
{
    public static bool IsSupported => Avx512F.IsSupported && Vector512.IsHardwareAccelerated;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row(float* x, float* y, long stride, float* next, int depth, float* sums)
    {
        float* y1 = y + stride, y2 = y1 + stride, y3 = y2 + stride;
        Fold(Dot(x, y, next, depth), Dot(x, y1, next + depth, depth), Dot(x, y2, next + (2 * depth), depth), Dot(x, y3, next + (3 * depth), depth)).Store(sums);
        DotTail.Add(x, 0, 1, y, stride, depth / 16 * 16, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourRows(float* x, long xStride, float* y, long stride, float* next, int depth, float* sums)
    {
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride, z = y;
        int k = 0;
        for (int j = 0; j < 4; j++, z += stride, next += depth)
        {
            Vector512<float> s0 = Vector512<float>.Zero, s1 = Vector512<float>.Zero, s2 = Vector512<float>.Zero, s3 = Vector512<float>.Zero;
            for (k = 0; k + 16 <= depth; k += 16)
            {
                Vector512<float> b = Vector512.Load(z + k);
                Sse.Prefetch0(next + k);
                s0 = Vector512.MultiplyAddEstimate(Vector512.Load(x + k), b, s0);
                s1 = Vector512.MultiplyAddEstimate(Vector512.Load(x1 + k), b, s1);
                s2 = Vector512.MultiplyAddEstimate(Vector512.Load(x2 + k), b, s2);
                s3 = Vector512.MultiplyAddEstimate(Vector512.Load(x3 + k), b, s3);
            }

            DotTail.Scatter(Fold(s0, s1, s2, s3), sums + j);
        }

        DotTail.Add(x, xStride, 4, y, stride, k, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void EightRows(float* x, long xStride, float* y, long stride, float* next, int depth, float* sums)
    {
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride, x4 = x3 + xStride, x5 = x4 + xStride, x6 = x5 + xStride, x7 = x6 + xStride, z = y;
        int k = 0;
        // Two rows at a time, since eight products for each load of y would be bound by the loads of x.
        for (int j = 0; j < 4; j += 2, z += 2 * stride, next += 2 * depth)
        {
            float* w = z + stride;
            Vector512<float> s0 = Vector512<float>.Zero, s1 = Vector512<float>.Zero, s2 = Vector512<float>.Zero, s3 = Vector512<float>.Zero;
            Vector512<float> s4 = Vector512<float>.Zero, s5 = Vector512<float>.Zero, s6 = Vector512<float>.Zero, s7 = Vector512<float>.Zero;
            Vector512<float> t0 = Vector512<float>.Zero, t1 = Vector512<float>.Zero, t2 = Vector512<float>.Zero, t3 = Vector512<float>.Zero;
            Vector512<float> t4 = Vector512<float>.Zero, t5 = Vector512<float>.Zero, t6 = Vector512<float>.Zero, t7 = Vector512<float>.Zero;
            for (k = 0; k + 16 <= depth; k += 16)
            {
                Vector512<float> b = Vector512.Load(z + k), c = Vector512.Load(w + k);
                Sse.Prefetch0(next + (2 * k));
                Sse.Prefetch0(next + (2 * k) + 16);
                Vector512<float> a = Vector512.Load(x + k);
                s0 = Vector512.MultiplyAddEstimate(a, b, s0);
                t0 = Vector512.MultiplyAddEstimate(a, c, t0);
                a = Vector512.Load(x1 + k);
                s1 = Vector512.MultiplyAddEstimate(a, b, s1);
                t1 = Vector512.MultiplyAddEstimate(a, c, t1);
                a = Vector512.Load(x2 + k);
                s2 = Vector512.MultiplyAddEstimate(a, b, s2);
                t2 = Vector512.MultiplyAddEstimate(a, c, t2);
                a = Vector512.Load(x3 + k);
                s3 = Vector512.MultiplyAddEstimate(a, b, s3);
                t3 = Vector512.MultiplyAddEstimate(a, c, t3);
                a = Vector512.Load(x4 + k);
                s4 = Vector512.MultiplyAddEstimate(a, b, s4);
                t4 = Vector512.MultiplyAddEstimate(a, c, t4);
                a = Vector512.Load(x5 + k);
                s5 = Vector512.MultiplyAddEstimate(a, b, s5);
                t5 = Vector512.MultiplyAddEstimate(a, c, t5);
                a = Vector512.Load(x6 + k);
                s6 = Vector512.MultiplyAddEstimate(a, b, s6);
                t6 = Vector512.MultiplyAddEstimate(a, c, t6);
                a = Vector512.Load(x7 + k);
                s7 = Vector512.MultiplyAddEstimate(a, b, s7);
                t7 = Vector512.MultiplyAddEstimate(a, c, t7);
            }

            DotTail.Scatter(Fold(s0, s1, s2, s3), sums + j);
            DotTail.Scatter(Fold(s4, s5, s6, s7), sums + 16 + j);
            DotTail.Scatter(Fold(t0, t1, t2, t3), sums + j + 1);
            DotTail.Scatter(Fold(t4, t5, t6, t7), sums + 16 + j + 1);
        }

        DotTail.Add(x, xStride, 8, y, stride, k, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Dot(float* x, float* y, float* next, int depth)
    {
        Vector512<float> sum = Vector512<float>.Zero;
        for (int k = 0; k + 16 <= depth; k += 16)
        {
            Sse.Prefetch0(next + k);
            sum = Vector512.MultiplyAddEstimate(Vector512.Load(x + k), Vector512.Load(y + k), sum);
        }

        return sum;
    }

    /// <summary>The sums of the lanes of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fold(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        // In each 128 bits: lanes 0 + 2 and 1 + 3 of each pair, then those two, so that a lane belongs to a vector; then the four quarters.
        Vector512<float> ab = Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b), cd = Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d);
        Vector512<float> abcd = Avx512F.Shuffle(ab, cd, 0x44) + Avx512F.Shuffle(ab, cd, 0xEE);
        Vector256<float> half = abcd.GetLower() + abcd.GetUpper();
        return half.GetLower() + half.GetUpper();
    }
}
