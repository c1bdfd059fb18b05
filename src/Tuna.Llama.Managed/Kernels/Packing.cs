using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Copies blocks of a matrix into the panels that <see cref="IMicroKernel"/> reads from front to back.</summary>
internal static unsafe class Packing
{
    private const int PanelsAtOnce = 8;

    // Rows that are short, or far from one another, end before the processor's own prefetching has started.
    private const int RowsAhead = 8;

    /// <summary>
    /// panel[k * width + i] = source[i, k] for i &lt; <paramref name="lines"/>, 0 for the other i up to <paramref name="width"/>: the lines
    /// of a panel are rows of the source.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* source, int stride, int lines, int depth, int width, float* panel)
    {
        int i = 0;
        if (Avx512F.IsSupported && width == 12 && lines == 12)
        {
            Transpose12(source, stride, depth, panel);
            return;
        }

        if (Avx512F.IsSupported)
        {
            for (; i + 16 <= lines; i += 16)
                Transpose16(source + ((long)i * stride), stride, depth, width, panel + i, width);
        }

        for (; i + 4 <= lines; i += 4)
            Transpose4(source + ((long)i * stride), stride, depth, width, panel + i);
        for (; i < lines; i++)
        {
            float* row = source + ((long)i * stride);
            for (int k = 0; k < depth; k++)
                panel[((long)k * width) + i] = row[k];
        }

        ClearTail(panel, lines, depth, width);
    }

    /// <summary>
    /// panels[p][k * width + i] = source[k, p * width + i], 0 past <paramref name="lines"/>: the lines of the panels are columns of the
    /// source.
    /// </summary>
    /// <remarks>Several panels side by side, so that each row of the source gives whole cache lines: one panel's 48 bytes would fetch every
    /// line twice.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Columns(float* source, int stride, int lines, int depth, int width, float* panels)
    {
        long size = (long)width * depth;
        float* last = panels + ((lines - 1) / width * size);
        for (int first = 0; first < lines; first += PanelsAtOnce * width)
        {
            int count = Math.Min(PanelsAtOnce * width, lines - first);
            for (int k = 0; k < depth; k++)
            {
                float* from = source + ((long)k * stride) + first;
                float* to = panels + ((long)k * width);
                int left = count;
                if (Sse.IsSupported)
                {
                    for (int i = 0; i < count; i += 16)
                        Sse.Prefetch1(from + (RowsAhead * (long)stride) + i);
                }

                for (; left >= width; left -= width, from += width, to += size)
                {
                    int i = 0;
                    for (; i + 16 <= width; i += 16)
                        Vector512.Load(from + i).Store(to + i);
                    for (; i + 8 <= width; i += 8)
                        Vector256.Load(from + i).Store(to + i);
                    for (; i + 4 <= width; i += 4)
                        Vector128.Load(from + i).Store(to + i);
                    for (; i < width; i++)
                        to[i] = from[i];
                }

                for (int i = 0; i < left; i++)
                    to[i] = from[i];
            }

            panels += size * PanelsAtOnce;
        }

        if (lines % width != 0)
            ClearTail(last, lines % width, depth, width);
    }

    private static void ClearTail(float* panel, int lines, int depth, int width)
    {
        if (lines == width)
            return;
        for (int k = 0; k < depth; k++)
            new Span<float>(panel + ((long)k * width) + lines, width - lines).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose4(float* source, int stride, int depth, int width, float* panel)
    {
        float* r0 = source;
        float* r1 = r0 + stride;
        float* r2 = r1 + stride;
        float* r3 = r2 + stride;
        int k = 0;
        if (Sse.IsSupported)
        {
            for (; k + 4 <= depth; k += 4, panel += 4L * width)
            {
                Vector128<float> a = Vector128.Load(r0 + k), b = Vector128.Load(r1 + k), c = Vector128.Load(r2 + k),
                    d = Vector128.Load(r3 + k);
                Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d);    // a0 b0 a1 b1, c0 d0 c1 d1
                Vector128<float> ab2 = Sse.UnpackHigh(a, b), cd2 = Sse.UnpackHigh(c, d); // a2 b2 a3 b3, c2 d2 c3 d3
                Sse.MoveLowToHigh(ab, cd).Store(panel);
                Sse.MoveHighToLow(cd, ab).Store(panel + width);
                Sse.MoveLowToHigh(ab2, cd2).Store(panel + (2L * width));
                Sse.MoveHighToLow(cd2, ab2).Store(panel + (3L * width));
            }
        }

        for (; k < depth; k++, panel += width)
        {
            panel[0] = r0[k];
            panel[1] = r1[k];
            panel[2] = r2[k];
            panel[3] = r3[k];
        }
    }

    /// <summary>As <see cref="Transpose4"/> for 16 lines, in vectors that hold four numbers of every fourth line.</summary>
    /// <param name="source">First line.</param>
    /// <param name="stride">Floats from line to line.</param>
    /// <param name="depth">Numbers of a line.</param>
    /// <param name="width">Lines of the panel.</param>
    /// <param name="panel">Where the first line begins.</param>
    /// <param name="ahead">Lines from these to those that are packed next, which are fetched.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose16(float* source, int stride, int depth, int width, float* panel, int ahead)
    {
        long s = stride, s4 = 4 * s, next = ahead * s;
        int k = 0;
        for (; k + 4 <= depth; k += 4, panel += 4L * width)
        {
            float* at = source + k;
            if (k % 16 == 0)
                Fetch(at + next, s, 16);
            Transpose(Lanes4(at, s4), Lanes4(at + s, s4), Lanes4(at + (2 * s), s4), Lanes4(at + (3 * s), s4), out Vector512<float> v0,
                out Vector512<float> v1, out Vector512<float> v2, out Vector512<float> v3);
            v0.Store(panel);
            v1.Store(panel + width);
            v2.Store(panel + (2L * width));
            v3.Store(panel + (3L * width));
        }

        for (; k < depth; k++, panel += width)
        {
            for (int i = 0; i < 16; i++)
                panel[i] = source[(i * s) + k];
        }
    }

    /// <summary>As <see cref="Transpose16"/> for a panel of 12 lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose12(float* source, int stride, int depth, float* panel)
    {
        long s = stride, s4 = 4 * s, next = 12 * s;
        int k = 0;
        // The last four of the 16 numbers of a vector are nothing; what follows overwrites them, so that something has to follow.
        for (; k + 4 < depth; k += 4, panel += 48)
        {
            float* at = source + k;
            if (k % 16 == 0)
                Fetch(at + next, s, 12);
            Transpose(Lanes3(at, s4), Lanes3(at + s, s4), Lanes3(at + (2 * s), s4), Lanes3(at + (3 * s), s4), out Vector512<float> v0,
                out Vector512<float> v1, out Vector512<float> v2, out Vector512<float> v3);
            v0.Store(panel);
            v1.Store(panel + 12);
            v2.Store(panel + 24);
            v3.Store(panel + 36);
        }

        for (; k < depth; k++, panel += 12)
        {
            for (int i = 0; i < 12; i++)
                panel[i] = source[(i * s) + k];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(float* line, long stride, int lines)
    {
        for (int i = 0; i < lines; i++)
            Sse.Prefetch1(line + (i * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lanes4(float* at, long s4) => Avx512F.InsertVector128(Lanes3(at, s4), Vector128.Load(at + (3 * s4)), 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lanes3(float* at, long s4) =>
        Avx512F.InsertVector128(Avx512F.InsertVector128(Vector128.Load(at).ToVector256Unsafe().ToVector512Unsafe(), Vector128.Load(at + s4),
            1), Vector128.Load(at + (2 * s4)), 2);

    // Four transposes of 4 x 4 side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, out Vector512<float> v0, out Vector512<float> v1,
            out Vector512<float> v2, out Vector512<float> v3)
    {
        Vector512<double> ab = Avx512F.UnpackLow(a, b).AsDouble(), cd = Avx512F.UnpackLow(c, d).AsDouble();
        Vector512<double> ab2 = Avx512F.UnpackHigh(a, b).AsDouble(), cd2 = Avx512F.UnpackHigh(c, d).AsDouble();
        v0 = Avx512F.UnpackLow(ab, cd).AsSingle();
        v1 = Avx512F.UnpackHigh(ab, cd).AsSingle();
        v2 = Avx512F.UnpackLow(ab2, cd2).AsSingle();
        v3 = Avx512F.UnpackHigh(ab2, cd2).AsSingle();
    }

    /// <summary>Packs the rows <paramref name="from"/> .. <paramref name="to"/> of op(A), all k of the block, into consecutive
    /// panels.</summary>
    public static void PackA<TKernel>(in Operand a, int from, int to, int k, int depth, float* panels)
        where TKernel : struct, IMicroKernel
    {
        if (a.Transposed)
        {
            Columns(a.Matrix.Row(k) + from, a.Matrix.Stride, to - from, depth, TKernel.Rows, panels);
            return;
        }

        for (int i = from; i < to; i += TKernel.Rows, panels += (long)TKernel.Rows * depth)
            Rows(a.Matrix.Row(i) + k, a.Matrix.Stride, Math.Min(TKernel.Rows, to - i), depth, TKernel.Rows, panels);
    }

    /// <summary>Packs the columns <paramref name="from"/> .. <paramref name="to"/> of op(B), all k of the block, into consecutive
    /// panels.</summary>
    public static void PackB<TKernel>(in Operand b, int from, int to, int k, int depth, float* panels)
        where TKernel : struct, IMicroKernel
    {
        if (!b.Transposed)
        {
            Columns(b.Matrix.Row(k) + from, b.Matrix.Stride, to - from, depth, TKernel.Columns, panels);
            return;
        }

        for (int i = from; i < to; i += TKernel.Columns, panels += (long)TKernel.Columns * depth)
            Rows(b.Matrix.Row(i) + k, b.Matrix.Stride, Math.Min(TKernel.Columns, to - i), depth, TKernel.Columns, panels);
    }
}
