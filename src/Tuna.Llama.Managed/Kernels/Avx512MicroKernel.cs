using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>12 x 32 tile in 24 of the 32 AVX-512 registers; two more hold the row of B and one the broadcast element of A.</summary>
/// <remarks>24 independent sums hide the latency of 4 cycles of the two fused multiply-add units three times over.</remarks>
internal readonly unsafe struct Avx512MicroKernel : IMicroKernel
{
    public static int Rows => 12;

    public static int Columns => 32;

    public static bool HasHalf => true;

    public static bool IsSupported => Vector512.IsHardwareAccelerated;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Multiply(int depth, float* a, float* b, float* c, int stride, bool accumulate)
    {
        for (int i = 0; i < Rows; i++)
        {
            Sse.Prefetch0(c + ((long)i * stride));
            Sse.Prefetch0(c + ((long)i * stride) + 16);
        }

        Vector512<float> c00 = Vector512<float>.Zero, c01 = Vector512<float>.Zero;
        Vector512<float> c10 = Vector512<float>.Zero, c11 = Vector512<float>.Zero;
        Vector512<float> c20 = Vector512<float>.Zero, c21 = Vector512<float>.Zero;
        Vector512<float> c30 = Vector512<float>.Zero, c31 = Vector512<float>.Zero;
        Vector512<float> c40 = Vector512<float>.Zero, c41 = Vector512<float>.Zero;
        Vector512<float> c50 = Vector512<float>.Zero, c51 = Vector512<float>.Zero;
        Vector512<float> c60 = Vector512<float>.Zero, c61 = Vector512<float>.Zero;
        Vector512<float> c70 = Vector512<float>.Zero, c71 = Vector512<float>.Zero;
        Vector512<float> c80 = Vector512<float>.Zero, c81 = Vector512<float>.Zero;
        Vector512<float> c90 = Vector512<float>.Zero, c91 = Vector512<float>.Zero;
        Vector512<float> ca0 = Vector512<float>.Zero, ca1 = Vector512<float>.Zero;
        Vector512<float> cb0 = Vector512<float>.Zero, cb1 = Vector512<float>.Zero;
        for (int k = 0; k < depth; k++)
        {
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(a[0]);
            c00 = Vector512.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector512.MultiplyAddEstimate(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector512.MultiplyAddEstimate(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.MultiplyAddEstimate(x, b0, c20);
            c21 = Vector512.MultiplyAddEstimate(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.MultiplyAddEstimate(x, b0, c30);
            c31 = Vector512.MultiplyAddEstimate(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Vector512.MultiplyAddEstimate(x, b0, c40);
            c41 = Vector512.MultiplyAddEstimate(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Vector512.MultiplyAddEstimate(x, b0, c50);
            c51 = Vector512.MultiplyAddEstimate(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Vector512.MultiplyAddEstimate(x, b0, c60);
            c61 = Vector512.MultiplyAddEstimate(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Vector512.MultiplyAddEstimate(x, b0, c70);
            c71 = Vector512.MultiplyAddEstimate(x, b1, c71);
            x = Vector512.Create(a[8]);
            c80 = Vector512.MultiplyAddEstimate(x, b0, c80);
            c81 = Vector512.MultiplyAddEstimate(x, b1, c81);
            x = Vector512.Create(a[9]);
            c90 = Vector512.MultiplyAddEstimate(x, b0, c90);
            c91 = Vector512.MultiplyAddEstimate(x, b1, c91);
            x = Vector512.Create(a[10]);
            ca0 = Vector512.MultiplyAddEstimate(x, b0, ca0);
            ca1 = Vector512.MultiplyAddEstimate(x, b1, ca1);
            x = Vector512.Create(a[11]);
            cb0 = Vector512.MultiplyAddEstimate(x, b0, cb0);
            cb1 = Vector512.MultiplyAddEstimate(x, b1, cb1);
            a += 12;
            b += 32;
        }

        Store(c00, c01, c, accumulate);
        Store(c10, c11, c + stride, accumulate);
        Store(c20, c21, c + (2L * stride), accumulate);
        Store(c30, c31, c + (3L * stride), accumulate);
        Store(c40, c41, c + (4L * stride), accumulate);
        Store(c50, c51, c + (5L * stride), accumulate);
        Store(c60, c61, c + (6L * stride), accumulate);
        Store(c70, c71, c + (7L * stride), accumulate);
        Store(c80, c81, c + (8L * stride), accumulate);
        Store(c90, c91, c + (9L * stride), accumulate);
        Store(ca0, ca1, c + (10L * stride), accumulate);
        Store(cb0, cb1, c + (11L * stride), accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void MultiplyHalf(int depth, float* a, float* b, float* c, int stride, bool accumulate)
    {
        Vector512<float> c0 = Vector512<float>.Zero;
        Vector512<float> c1 = Vector512<float>.Zero;
        Vector512<float> c2 = Vector512<float>.Zero;
        Vector512<float> c3 = Vector512<float>.Zero;
        Vector512<float> c4 = Vector512<float>.Zero;
        Vector512<float> c5 = Vector512<float>.Zero;
        Vector512<float> c6 = Vector512<float>.Zero;
        Vector512<float> c7 = Vector512<float>.Zero;
        Vector512<float> c8 = Vector512<float>.Zero;
        Vector512<float> c9 = Vector512<float>.Zero;
        Vector512<float> ca = Vector512<float>.Zero;
        Vector512<float> cb = Vector512<float>.Zero;
        for (int k = 0; k < depth; k++)
        {
            Vector512<float> x = Vector512.Load(b);
            c0 = Vector512.MultiplyAddEstimate(Vector512.Create(a[0]), x, c0);
            c1 = Vector512.MultiplyAddEstimate(Vector512.Create(a[1]), x, c1);
            c2 = Vector512.MultiplyAddEstimate(Vector512.Create(a[2]), x, c2);
            c3 = Vector512.MultiplyAddEstimate(Vector512.Create(a[3]), x, c3);
            c4 = Vector512.MultiplyAddEstimate(Vector512.Create(a[4]), x, c4);
            c5 = Vector512.MultiplyAddEstimate(Vector512.Create(a[5]), x, c5);
            c6 = Vector512.MultiplyAddEstimate(Vector512.Create(a[6]), x, c6);
            c7 = Vector512.MultiplyAddEstimate(Vector512.Create(a[7]), x, c7);
            c8 = Vector512.MultiplyAddEstimate(Vector512.Create(a[8]), x, c8);
            c9 = Vector512.MultiplyAddEstimate(Vector512.Create(a[9]), x, c9);
            ca = Vector512.MultiplyAddEstimate(Vector512.Create(a[10]), x, ca);
            cb = Vector512.MultiplyAddEstimate(Vector512.Create(a[11]), x, cb);
            a += 12;
            b += 32;
        }

        Store(c0, c, accumulate);
        Store(c1, c + stride, accumulate);
        Store(c2, c + (2L * stride), accumulate);
        Store(c3, c + (3L * stride), accumulate);
        Store(c4, c + (4L * stride), accumulate);
        Store(c5, c + (5L * stride), accumulate);
        Store(c6, c + (6L * stride), accumulate);
        Store(c7, c + (7L * stride), accumulate);
        Store(c8, c + (8L * stride), accumulate);
        Store(c9, c + (9L * stride), accumulate);
        Store(ca, c + (10L * stride), accumulate);
        Store(cb, c + (11L * stride), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> v, float* c, bool accumulate) => (accumulate ? v + Vector512.Load(c) : v).Store(c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> v0, Vector512<float> v1, float* c, bool accumulate)
    {
        if (accumulate)
        {
            v0 += Vector512.Load(c);
            v1 += Vector512.Load(c + 16);
        }

        v0.Store(c);
        v1.Store(c + 16);
    }
}
