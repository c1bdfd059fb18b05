using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>C (+)= A B^T for few rows of A: each row of B is read once, as it lies in memory, at the speed of the memory.</summary>
/// <remarks>
/// An element is the dot product of two rows in an order that depends on K alone, so that a row of C does not depend on how many rows there
/// are: a sample stays the same whatever else is sampled beside it. Nor does it depend on the format of B: the same weights in half the
/// bytes give the same bits.
/// </remarks>
internal static unsafe class DotRows
{
    // Eight rows of A of this length leave room in a first-level cache of 48 KiB for what streams through it.
    private const int MaxDepth = 768;

    // Short rows end before the processor's own prefetching has started, and memory answers in the time of some rows.
    private const int AheadBytes = 12 * 1024;

    /// <summary>Multiplies.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="a">A, [M, K].</param>
    /// <param name="b">B, [N, K].</param>
    /// <param name="c">C, [M, N].</param>
    /// <param name="update">Whether to add to C or to overwrite it.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Multiply(WorkerPool pool, in Matrix a, in Matrix b, in Matrix c, Update update) =>
        Multiply(pool, a, Float32Format.Rows(b), c, update);

    /// <summary>Multiplies with weights in any format.</summary>
    /// <inheritdoc cref="Multiply(WorkerPool, in Matrix, in Matrix, in Matrix, Update)"/>
    public static void Multiply<TFormat>(WorkerPool pool, in Matrix a, in WeightRows<TFormat> b, in Matrix c, Update update)
        where TFormat : struct, IWeightFormat
    {
        if (Avx512DotTile.IsSupported)
            Multiply<Avx512DotTile, TFormat>(pool, a, b, c, update);
        else
            Multiply<PortableDotTile, TFormat>(pool, a, b, c, update);
    }

    /// <summary>Multiplies with a given tile.</summary>
    public static void Multiply<TTile, TFormat>(WorkerPool pool, in Matrix a, in WeightRows<TFormat> b, in Matrix c, Update update)
        where TTile : struct, IDotTile
        where TFormat : struct, IWeightFormat
    {
        if (a.Columns != b.Columns || c.Rows != a.Rows || c.Columns != b.Rows)
            throw new ArgumentException($"[{a.Rows}, {a.Columns}] x [{b.Rows}, {b.Columns}]^T does not give [{c.Rows}, {c.Columns}].",
                nameof(c));
        var job = new Job<TTile, TFormat> { A = a, B = b, C = c, Update = update };
        pool.For((b.Rows + 3) / 4, Grain.Of(4 * a.Columns), ref job);
    }

    private struct Job<TTile, TFormat> : IRangeJob
        where TTile : struct, IDotTile
        where TFormat : struct, IWeightFormat
    {
        public Matrix A, C;
        public WeightRows<TFormat> B;
        public Update Update;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            float* sums = stackalloc float[32];
            int last = Math.Min(4 * to, B.Rows), n = 4 * from;
            for (; n + 4 <= last; n += 4)
                Four(n, 4, B.Stride, sums);
            for (; n < last; n++)
                Four(n, 1, 0, sums); // the same row four times
        }

        // Parts start where a block does in every format.
        private static int Up(int depth) => (depth + IWeightFormat.Block - 1) / IWeightFormat.Block * IWeightFormat.Block;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Four(int n, int columns, long stride, float* sums)
        {
            int depth = A.Columns, parts = (depth + MaxDepth - 1) / MaxDepth, part = Up((depth + parts - 1) / parts);
            byte* y = B.Row(n);
            // What is read now was fetched before; what is fetched now is what follows in memory, or the next four rows when they are read
            // in parts.
            byte* next = y + (parts == 1 ? AheadBytes : 4 * B.Stride);
            for (int k = 0; k < depth; k += part)
            {
                int length = Math.Min(part, depth - k), m = 0;
                for (; m + 8 <= A.Rows; m += 8)
                {
                    TTile.EightRows<TFormat>(A.Row(m) + k, A.Stride, y, stride, next, length, sums);
                    Put(m, n, 8, columns, k > 0, sums);
                }

                for (; m + 4 <= A.Rows; m += 4)
                {
                    TTile.FourRows<TFormat>(A.Row(m) + k, A.Stride, y, stride, next, length, sums);
                    Put(m, n, 4, columns, k > 0, sums);
                }

                for (; m < A.Rows; m++)
                {
                    TTile.Row<TFormat>(A.Row(m) + k, y, stride, next, length, sums);
                    Put(m, n, 1, columns, k > 0, sums);
                }

                next += 4 * TFormat.RowBytes(length);
                y += TFormat.RowBytes(length);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Put(int m, int n, int rows, int columns, bool further, float* sums)
        {
            bool add = Update == Update.Add || further;
            for (int i = 0; i < rows; i++, sums += 4)
            {
                float* c = C.Row(m + i) + n;
                if (columns == 4)
                {
                    Vector128<float> four = Vector128.Load(sums);
                    (add ? Vector128.Load(c) + four : four).Store(c);
                }
                else
                {
                    c[0] = add ? c[0] + sums[0] : sums[0];
                }
            }
        }
    }
}
