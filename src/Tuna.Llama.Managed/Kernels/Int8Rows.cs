using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>C (+)= A B^T for few rows of A, rounded to 16 bits, and B in a byte for each weight: as <see cref="DotRows"/>, approximately,
/// from a quarter of the bytes and with a third of the arithmetic.</summary>
/// <remarks>Sums are of whole numbers, hence the same in any order and on any processor.</remarks>
internal static unsafe class Int8Rows
{
    // Short rows end before the processor's own prefetching has started.
    private const int AheadBytes = 4 * 1024;

    /// <summary>Multiplies.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="a">A, [M, K].</param>
    /// <param name="rounded">Receives the rows of A rounded, and their units.</param>
    /// <param name="b">B, [N, K].</param>
    /// <param name="c">C, [M, N].</param>
    /// <param name="update">Whether to add to C or to overwrite it.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Multiply(WorkerPool pool, in Matrix a, NativeBuffer rounded, in Int8Matrix b, in Matrix c, Update update)
    {
        if (a.Columns != b.Columns || c.Rows != a.Rows || c.Columns != b.Rows)
            throw new ArgumentException($"[{a.Rows}, {a.Columns}] x [{b.Rows}, {b.Columns}]^T does not give [{c.Rows}, {c.Columns}].",
                nameof(c));
        int stride = b.Stride;
        float* memory = rounded.Ensure(((long)a.Rows * stride / 2) + a.Rows);
        var job = new Job { A = (short*)memory, Units = memory + ((long)a.Rows * stride / 2), Rows = a.Rows, B = b, C = c,
            Update = update };
        for (int m = 0; m < a.Rows; m++)
            job.Units[m] = Int8Copy.Row16(a.Row(m), a.Columns, job.A + ((long)m * stride), stride);
        pool.For((b.Rows + 3) / 4, Grain.Of(2 * stride), ref job);
    }

    /// <summary>sums[j] = x . yj for one row x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One(short* x, sbyte* y, long stride, int depth, int* sums)
    {
        if (!Avx512BW.IsSupported)
        {
            for (int j = 0; j < 4; j++)
                sums[j] = Dot(x, y + (j * stride), depth);
            return;
        }

        Vector512<int> s0 = Vector512<int>.Zero, s1 = Vector512<int>.Zero, s2 = Vector512<int>.Zero, s3 = Vector512<int>.Zero;
        sbyte* y1 = y + stride, y2 = y1 + stride, y3 = y2 + stride;
        for (int k = 0; k < depth; k += 32)
        {
            Vector512<short> a = Vector512.Load(x + k);
            Sse.Prefetch0(y + AheadBytes + (4 * k));
            Sse.Prefetch0(y + AheadBytes + (4 * k) + WeightRows.Line);
            s0 += Avx512BW.MultiplyAddAdjacent(a, Wide(y + k));
            s1 += Avx512BW.MultiplyAddAdjacent(a, Wide(y1 + k));
            s2 += Avx512BW.MultiplyAddAdjacent(a, Wide(y2 + k));
            s3 += Avx512BW.MultiplyAddAdjacent(a, Wide(y3 + k));
        }

        Fold(s0, s1, s2, s3).Store(sums);
    }

    /// <summary>sums[4 i + j] = xi . yj for four rows x, as far apart as the depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(short* x, sbyte* y, long stride, int depth, int* sums)
    {
        if (!Avx512BW.IsSupported)
        {
            for (int i = 0; i < 4; i++)
                One(x + (i * depth), y, stride, depth, sums + (4 * i));
            return;
        }

        short* x1 = x + depth, x2 = x1 + depth, x3 = x2 + depth;
        sbyte* z = y;
        for (int j = 0; j < 4; j += 2, z += 2 * stride)
        {
            Vector512<int> s0 = Vector512<int>.Zero, s1 = Vector512<int>.Zero, s2 = Vector512<int>.Zero, s3 = Vector512<int>.Zero;
            Vector512<int> t0 = Vector512<int>.Zero, t1 = Vector512<int>.Zero, t2 = Vector512<int>.Zero, t3 = Vector512<int>.Zero;
            for (int k = 0; k < depth; k += 32)
            {
                Sse.Prefetch0(z + AheadBytes + (2 * k));
                Vector512<short> b = Wide(z + k), c = Wide(z + stride + k), a = Vector512.Load(x + k);
                s0 += Avx512BW.MultiplyAddAdjacent(a, b);
                t0 += Avx512BW.MultiplyAddAdjacent(a, c);
                a = Vector512.Load(x1 + k);
                s1 += Avx512BW.MultiplyAddAdjacent(a, b);
                t1 += Avx512BW.MultiplyAddAdjacent(a, c);
                a = Vector512.Load(x2 + k);
                s2 += Avx512BW.MultiplyAddAdjacent(a, b);
                t2 += Avx512BW.MultiplyAddAdjacent(a, c);
                a = Vector512.Load(x3 + k);
                s3 += Avx512BW.MultiplyAddAdjacent(a, b);
                t3 += Avx512BW.MultiplyAddAdjacent(a, c);
            }

            Vector128<int> s = Fold(s0, s1, s2, s3), t = Fold(t0, t1, t2, t3);
            for (int i = 0; i < 4; i++)
                (sums[(4 * i) + j], sums[(4 * i) + j + 1]) = (s[i], t[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Wide(sbyte* weights) => Avx512BW.ConvertToVector512Int16(Vector256.Load(weights));

    private static int Dot(short* x, sbyte* y, int depth)
    {
        Vector256<int> sum = Vector256<int>.Zero;
        for (int k = 0; k < depth; k += 16)
        {
            Vector256<short> a = Vector256.Load(x + k);
            if (Avx2.IsSupported)
            {
                sum += Avx2.MultiplyAddAdjacent(a, Avx2.ConvertToVector256Int16(Vector128.Load(y + k)));
                continue;
            }

            (Vector128<short> low, Vector128<short> high) = Vector128.Widen(Vector128.Load(y + k));
            var b = Vector256.Create(low, high);
            sum += (Vector256.WidenLower(a) * Vector256.WidenLower(b)) + (Vector256.WidenUpper(a) * Vector256.WidenUpper(b));
        }

        return Vector256.Sum(sum);
    }

    /// <summary>The sums of the lanes of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Fold(Vector512<int> a, Vector512<int> b, Vector512<int> c, Vector512<int> d)
    {
        Vector512<long> ab = (Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b)).AsInt64(),
            cd = (Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d)).AsInt64();
        Vector512<int> abcd = Avx512F.UnpackLow(ab, cd).AsInt32() + Avx512F.UnpackHigh(ab, cd).AsInt32();
        Vector256<int> half = abcd.GetLower() + abcd.GetUpper();
        return half.GetLower() + half.GetUpper();
    }

    private struct Job : IRangeJob
    {
        public short* A;
        public float* Units;
        public int Rows;
        public Int8Matrix B;
        public Matrix C;
        public Update Update;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int* sums = stackalloc int[16];
            int last = Math.Min(4 * to, B.Rows), depth = B.Stride;
            for (int n = 4 * from; n < last;)
            {
                int columns = n + 4 <= last ? 4 : 1, m = 0;
                long stride = columns == 4 ? depth : 0; // otherwise the same row four times
                for (; m + 4 <= Rows; m += 4)
                {
                    Four(A + ((long)m * depth), B.Row(n), stride, depth, sums);
                    for (int i = 0; i < 4; i++)
                        Put(m + i, n, columns, sums + (4 * i));
                }

                for (; m < Rows; m++)
                {
                    One(A + ((long)m * depth), B.Row(n), stride, depth, sums);
                    Put(m, n, columns, sums);
                }

                n += columns;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Put(int m, int n, int columns, int* sums)
        {
            float* c = C.Row(m) + n, scales = B.Scales + n;
            if (columns == 4)
            {
                Vector128<float> four = Vector128.ConvertToSingle(Vector128.Load(sums)) * Vector128.Load(scales) * Units[m];
                (Update == Update.Add ? Vector128.Load(c) + four : four).Store(c);
                return;
            }

            float one = sums[0] * scales[0] * Units[m];
            c[0] = Update == Update.Add ? c[0] + one : one;
        }
    }
}
