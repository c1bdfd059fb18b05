using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Dot products in registers as wide as the processor's.</summary>
internal readonly unsafe struct PortableDotTile : IDotTile
{
    public static bool IsSupported => true;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row<TFormat>(float* x, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        byte* y1 = y + stride, y2 = y1 + stride, y3 = y2 + stride;
        long bytes = TFormat.RowBytes(depth);
        Fold(Dot<TFormat>(x, y, next, depth), Dot<TFormat>(x, y1, next + bytes, depth), Dot<TFormat>(x, y2, next + (2 * bytes), depth),
            Dot<TFormat>(x, y3, next + (3 * bytes), depth)).Store(sums);
        DotTail.Add<TFormat>(x, 0, 1, y, stride, depth / Vector<float>.Count * Vector<float>.Count, depth, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourRows<TFormat>(float* x, long xStride, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride;
        byte* z = y;
        for (int j = 0; j < 4; j++, z += stride, next += TFormat.RowBytes(depth))
        {
            Vector<float> s0 = Vector<float>.Zero, s1 = Vector<float>.Zero, s2 = Vector<float>.Zero, s3 = Vector<float>.Zero;
            byte* block = z, ahead = next;
            int k = 0;
            for (; k + 32 <= depth; block += TFormat.BlockBytes, ahead += TFormat.BlockBytes)
            {
                WeightRows.FetchLinesBehind(ahead, TFormat.BlockBytes / WeightRows.Line);
                for (int i = 0; i < 16; i += Vector<float>.Count, k += Vector<float>.Count)
                    AddFour(x + k, x1 + k, x2 + k, x3 + k, TFormat.Low(block, i), ref s0, ref s1, ref s2, ref s3);
                for (int i = 0; i < 16; i += Vector<float>.Count, k += Vector<float>.Count)
                    AddFour(x + k, x1 + k, x2 + k, x3 + k, TFormat.High(block, i), ref s0, ref s1, ref s2, ref s3);
            }

            WeightRows.FetchLinesBehind(ahead, 1);
            for (; k + Vector<float>.Count <= depth; k += Vector<float>.Count)
                AddFour(x + k, x1 + k, x2 + k, x3 + k, Rest<TFormat>(block, k % 32), ref s0, ref s1, ref s2, ref s3);
            DotTail.Scatter(Fold(s0, s1, s2, s3), sums + j);
        }

        DotTail.Add<TFormat>(x, xStride, 4, y, stride, depth / Vector<float>.Count * Vector<float>.Count, depth, sums);
    }

    public static void EightRows<TFormat>(float* x, long xStride, byte* y, long stride, byte* next, int depth, float* sums)
        where TFormat : struct, IWeightFormat
    {
        FourRows<TFormat>(x, xStride, y, stride, next, depth, sums);
        FourRows<TFormat>(x + (4 * xStride), xStride, y, stride, next, depth, sums + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Dot<TFormat>(float* x, byte* block, byte* next, int depth)
        where TFormat : struct, IWeightFormat
    {
        Vector<float> sum = Vector<float>.Zero;
        int k = 0;
        for (; k + 32 <= depth; block += TFormat.BlockBytes, next += TFormat.BlockBytes)
        {
            WeightRows.FetchLines(next, TFormat.BlockBytes / WeightRows.Line);
            for (int i = 0; i < 16; i += Vector<float>.Count, k += Vector<float>.Count)
                sum = Vector.MultiplyAddEstimate(Vector.Load(x + k), TFormat.Low(block, i), sum);
            for (int i = 0; i < 16; i += Vector<float>.Count, k += Vector<float>.Count)
                sum = Vector.MultiplyAddEstimate(Vector.Load(x + k), TFormat.High(block, i), sum);
        }

        WeightRows.FetchLines(next, 1);
        for (; k + Vector<float>.Count <= depth; k += Vector<float>.Count)
            sum = Vector.MultiplyAddEstimate(Vector.Load(x + k), Rest<TFormat>(block, k % 32), sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddFour(float* x0, float* x1, float* x2, float* x3, Vector<float> b, ref Vector<float> s0, ref Vector<float> s1,
        ref Vector<float> s2, ref Vector<float> s3)
    {
        s0 = Vector.MultiplyAddEstimate(Vector.Load(x0), b, s0);
        s1 = Vector.MultiplyAddEstimate(Vector.Load(x1), b, s1);
        s2 = Vector.MultiplyAddEstimate(Vector.Load(x2), b, s2);
        s3 = Vector.MultiplyAddEstimate(Vector.Load(x3), b, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Rest<TFormat>(byte* block, int i)
        where TFormat : struct, IWeightFormat => i < 16 ? TFormat.Low(block, i) : TFormat.High(block, i - 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fold(Vector<float> a, Vector<float> b, Vector<float> c, Vector<float> d) =>
        Vector128.Create(Vector.Sum(a), Vector.Sum(b), Vector.Sum(c), Vector.Sum(d));
}
