using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Dot products in AVX-512 registers, two rows y at a time: a load of x serves both, and their sums do not wait for one
/// another.</summary>
internal readonly unsafe struct Avx512DotTile : IDotTile
{
    public static bool IsSupported => Avx512F.IsSupported && Vector512.IsHardwareAccelerated;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row<TFormat>(float* x, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        Two<TFormat>(x, y, stride, next, depth, out Vector512<float> s0, out Vector512<float> s1);
        Two<TFormat>(x, y + (2 * stride), stride, next + (2 * TFormat.RowBytes(depth)), depth, out Vector512<float> s2,
            out Vector512<float> s3);
        Fold(s0, s1, s2, s3).Store(sums);
        DotTail.Add<TFormat>(x, 0, 1, y, stride, depth / 16 * 16, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourRows<TFormat>(float* x, long xStride, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride;
        byte* z = y;
        for (int j = 0; j < 4; j += 2, z += 2 * stride, next += 2 * TFormat.RowBytes(depth))
        {
            Vector512<float> s0 = Vector512<float>.Zero, s1 = Vector512<float>.Zero, s2 = Vector512<float>.Zero, s3 = Vector512<float>.Zero;
            Vector512<float> t0 = Vector512<float>.Zero, t1 = Vector512<float>.Zero, t2 = Vector512<float>.Zero, t3 = Vector512<float>.Zero;
            byte* block = z, other = z + stride, ahead = next;
            int k = 0;
            for (; k + 32 <= depth; k += 32, block += TFormat.BlockBytes, other += TFormat.BlockBytes, ahead += 2 * TFormat.BlockBytes)
            {
                WeightRows.FetchLinesBehind(ahead, 2 * TFormat.BlockBytes / WeightRows.Line);
                Vector512<float> b = TFormat.Low(block), c = TFormat.Low(other);
                AddFour(x + k, x1 + k, x2 + k, x3 + k, b, c, ref s0, ref s1, ref s2, ref s3, ref t0, ref t1, ref t2, ref t3);
                (b, c) = (TFormat.High(block), TFormat.High(other));
                AddFour(x + k + 16, x1 + k + 16, x2 + k + 16, x3 + k + 16, b, c, ref s0, ref s1, ref s2, ref s3, ref t0, ref t1, ref t2,
                    ref t3);
            }

            if (k + 16 <= depth)
            {
                WeightRows.FetchLinesBehind(ahead, 2);
                AddFour(x + k, x1 + k, x2 + k, x3 + k, TFormat.Low(block), TFormat.Low(other), ref s0, ref s1, ref s2, ref s3, ref t0,
                    ref t1, ref t2, ref t3);
            }

            DotTail.Scatter(Fold(s0, s1, s2, s3), sums + j);
            DotTail.Scatter(Fold(t0, t1, t2, t3), sums + j + 1);
        }

        DotTail.Add<TFormat>(x, xStride, 4, y, stride, depth / 16 * 16, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void EightRows<TFormat>(float* x, long xStride, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride, x4 = x3 + xStride, x5 = x4 + xStride, x6 = x5 + xStride,
            x7 = x6 + xStride;
        byte* z = y;
        for (int j = 0; j < 4; j += 2, z += 2 * stride, next += 2 * TFormat.RowBytes(depth))
        {
            Vector512<float> s0 = Vector512<float>.Zero, s1 = Vector512<float>.Zero, s2 = Vector512<float>.Zero, s3 = Vector512<float>.Zero;
            Vector512<float> s4 = Vector512<float>.Zero, s5 = Vector512<float>.Zero, s6 = Vector512<float>.Zero, s7 = Vector512<float>.Zero;
            Vector512<float> t0 = Vector512<float>.Zero, t1 = Vector512<float>.Zero, t2 = Vector512<float>.Zero, t3 = Vector512<float>.Zero;
            Vector512<float> t4 = Vector512<float>.Zero, t5 = Vector512<float>.Zero, t6 = Vector512<float>.Zero, t7 = Vector512<float>.Zero;
            byte* block = z, other = z + stride, ahead = next;
            int k = 0;
            for (; k + 32 <= depth; k += 32, block += TFormat.BlockBytes, other += TFormat.BlockBytes, ahead += 2 * TFormat.BlockBytes)
            {
                WeightRows.FetchLinesBehind(ahead, 2 * TFormat.BlockBytes / WeightRows.Line);
                Vector512<float> b = TFormat.Low(block), c = TFormat.Low(other);
                AddFour(x + k, x1 + k, x2 + k, x3 + k, b, c, ref s0, ref s1, ref s2, ref s3, ref t0, ref t1, ref t2, ref t3);
                AddFour(x4 + k, x5 + k, x6 + k, x7 + k, b, c, ref s4, ref s5, ref s6, ref s7, ref t4, ref t5, ref t6, ref t7);
                (b, c) = (TFormat.High(block), TFormat.High(other));
                AddFour(x + k + 16, x1 + k + 16, x2 + k + 16, x3 + k + 16, b, c, ref s0, ref s1, ref s2, ref s3, ref t0, ref t1, ref t2,
                    ref t3);
                AddFour(x4 + k + 16, x5 + k + 16, x6 + k + 16, x7 + k + 16, b, c, ref s4, ref s5, ref s6, ref s7, ref t4, ref t5, ref t6,
                    ref t7);
            }

            if (k + 16 <= depth)
            {
                WeightRows.FetchLinesBehind(ahead, 2);
                Vector512<float> b = TFormat.Low(block), c = TFormat.Low(other);
                AddFour(x + k, x1 + k, x2 + k, x3 + k, b, c, ref s0, ref s1, ref s2, ref s3, ref t0, ref t1, ref t2, ref t3);
                AddFour(x4 + k, x5 + k, x6 + k, x7 + k, b, c, ref s4, ref s5, ref s6, ref s7, ref t4, ref t5, ref t6, ref t7);
            }

            DotTail.Scatter(Fold(s0, s1, s2, s3), sums + j);
            DotTail.Scatter(Fold(s4, s5, s6, s7), sums + 16 + j);
            DotTail.Scatter(Fold(t0, t1, t2, t3), sums + j + 1);
            DotTail.Scatter(Fold(t4, t5, t6, t7), sums + 16 + j + 1);
        }

        DotTail.Add<TFormat>(x, xStride, 8, y, stride, depth / 16 * 16, depth, sums);
    }

    /// <summary>The lanes of x . y and x . y1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two<TFormat>(float* x, byte* y, long stride, byte* next, int depth, out Vector512<float> s, out Vector512<float> t)
        where TFormat : struct, IWeightFormat
    {
        Vector512<float> first = Vector512<float>.Zero, second = Vector512<float>.Zero;
        byte* other = y + stride;
        int k = 0;
        for (; k + 32 <= depth; k += 32, y += TFormat.BlockBytes, other += TFormat.BlockBytes, next += 2 * TFormat.BlockBytes)
        {
            WeightRows.FetchLines(next, 2 * TFormat.BlockBytes / WeightRows.Line);
            Add(x + k, TFormat.Low(y), TFormat.Low(other), ref first, ref second);
            Add(x + k + 16, TFormat.High(y), TFormat.High(other), ref first, ref second);
        }

        if (k + 16 <= depth)
        {
            WeightRows.FetchLines(next, 2);
            Add(x + k, TFormat.Low(y), TFormat.Low(other), ref first, ref second);
        }

        (s, t) = (first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddFour(
        float* x0, float* x1, float* x2, float* x3, Vector512<float> b, Vector512<float> c, ref Vector512<float> s0,
            ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3,
        ref Vector512<float> t0, ref Vector512<float> t1, ref Vector512<float> t2, ref Vector512<float> t3)
    {
        Add(x0, b, c, ref s0, ref t0);
        Add(x1, b, c, ref s1, ref t1);
        Add(x2, b, c, ref s2, ref t2);
        Add(x3, b, c, ref s3, ref t3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* x, Vector512<float> b, Vector512<float> c, ref Vector512<float> s, ref Vector512<float> t)
    {
        Vector512<float> a = Vector512.Load(x);
        s = Vector512.MultiplyAddEstimate(a, b, s);
        t = Vector512.MultiplyAddEstimate(a, c, t);
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
