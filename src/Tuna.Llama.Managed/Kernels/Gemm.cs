using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Single-precision matrix product C (+)= op(A) op(B), op being the identity or the transpose.</summary>
/// <remarks>
/// The scheme of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008): blocks of B are packed
/// by all workers together, blocks of A by the worker that owns their rows, and a register tile is multiplied at a time. An element of C is
/// the same sum in the same order whatever M, N, the position of its row and the number of workers are: it depends on its row of A, its
/// column of B and K alone. That makes a response's log-probability independent of what else is in the batch.
/// </remarks>
internal static unsafe class Gemm
{
    // A panel of B of this depth (32 x 320 floats) and the panel of A beside it stay in the first-level cache.
    private const int MaxDepth = 320;

    // A packed block of A takes at most half of a second-level cache of 1 MiB.
    private const int MaxBlockA = 128 * 1024;

    // A packed block of B lives in the third level.
    private const int MaxColumns = 1024;

    // Products below this many multiply-adds are done by the caller alone: waking the others costs more.
    private const long ParallelWork = 512 * 1024;

    /// <summary>The micro-kernel that this processor uses.</summary>
    public static string InstructionSet =>
        Avx512MicroKernel.IsSupported
            ? "AVX-512" : Avx2MicroKernel.IsSupported ? "AVX2" : Vector128MicroKernel.IsSupported ? "Vector128" : "scalar";

    /// <summary>Multiplies with all workers of the pool.</summary>
    /// <param name="pool">Workers and their scratch memory.</param>
    /// <param name="a">op(A), [M, K].</param>
    /// <param name="b">op(B), [K, N].</param>
    /// <param name="c">C, [M, N]; overlaps neither A nor B.</param>
    /// <param name="update">Whether to add to C or to overwrite it.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Multiply(WorkerPool pool, in Operand a, in Operand b, in Matrix c, Update update)
    {
        if (Avx512MicroKernel.IsSupported)
            Multiply<Avx512MicroKernel>(pool, a, b, c, update);
        else if (Avx2MicroKernel.IsSupported)
            Multiply<Avx2MicroKernel>(pool, a, b, c, update);
        else if (Vector128MicroKernel.IsSupported)
            Multiply<Vector128MicroKernel>(pool, a, b, c, update);
        else
            Multiply<ScalarMicroKernel>(pool, a, b, c, update);
    }

    /// <summary>As <see cref="Multiply(WorkerPool, in Operand, in Operand, in Matrix, Update)"/>, by one worker inside a running job,
    /// without most of what a causal mask hides.</summary>
    public static void MultiplyOnWorker(WorkerPool pool, int worker, in Operand a, in Operand b, in Matrix c, Update update,
        CausalMask mask = default)
    {
        if (Avx512MicroKernel.IsSupported)
            MultiplyOnWorker<Avx512MicroKernel>(pool, worker, a, b, c, update, mask);
        else if (Avx2MicroKernel.IsSupported)
            MultiplyOnWorker<Avx2MicroKernel>(pool, worker, a, b, c, update, mask);
        else if (Vector128MicroKernel.IsSupported)
            MultiplyOnWorker<Vector128MicroKernel>(pool, worker, a, b, c, update, mask);
        else
            MultiplyOnWorker<ScalarMicroKernel>(pool, worker, a, b, c, update, mask);
    }

    /// <summary>Multiplies with a given micro-kernel.</summary>
    public static void Multiply<TKernel>(WorkerPool pool, in Operand a, in Operand b, in Matrix c, Update update)
        where TKernel : struct, IMicroKernel
    {
        var job = new Job<TKernel>(pool, a, b, c, update, owner: 0, default);
        if (job.Work == 0)
            return;
        if (job.Work <= ParallelWork)
            job.Execute(0, 1);
        else
            pool.Run(ref job);
    }

    /// <summary>The same with a given micro-kernel.</summary>
    public static void MultiplyOnWorker<TKernel>(WorkerPool pool, int worker, in Operand a, in Operand b, in Matrix c, Update update,
        CausalMask mask)
        where TKernel : struct, IMicroKernel
    {
        var job = new Job<TKernel>(pool, a, b, c, update, owner: worker, mask);
        if (job.Work > 0)
            job.Execute(0, 1);
    }

    private struct Job<TKernel> : IParallelJob
        where TKernel : struct, IMicroKernel
    {
        private readonly WorkerPool _pool;
        private readonly Operand _a, _b;
        private readonly Matrix _c;
        private readonly Update _update;
        private readonly int _owner, _m, _n, _k;
        private readonly CausalMask _mask;

        // Equal blocks along K rather than full ones and a small rest: they depend on K alone.
        private readonly int _depth;
        private readonly int _columns;
        private readonly float* _packedB;

        public Job(WorkerPool pool, in Operand a, in Operand b, in Matrix c, Update update, int owner, CausalMask mask)
        {
            _pool = pool;
            (_a, _b, _c) = (a, b, c);
            (_update, _owner, _mask) = (update, owner, mask);
            (_m, _k, _n) = (a.Rows, a.Columns, b.Columns);
            if (b.Rows != _k || c.Rows != _m || c.Columns != _n)
                throw new ArgumentException($"[{_m}, {_k}] x [{b.Rows}, {_n}] does not give [{c.Rows}, {c.Columns}].", nameof(c));
            if (_k == 0)
                throw new ArgumentException("The inner dimension is zero.", nameof(a));
            int blocks = (_k + MaxDepth - 1) / MaxDepth;
            _depth = (_k + blocks - 1) / blocks;
            _columns = Math.Min(MaxColumns, Up(_n, TKernel.Columns));
            // Two blocks: one is packed while slower workers still read the other.
            _packedB = pool.Scratch(owner, ScratchSlot.PackedB).Ensure(2L * _depth * _columns);
        }

        public readonly long Work => (long)_m * _n * _k;

        public readonly void Execute(int worker, int workers)
        {
            int mPanels = (_m + TKernel.Rows - 1) / TKernel.Rows;
            int owner = workers == 1 ? _owner : worker;
            int block = 0;
            for (int n0 = 0; n0 < _n; n0 += _columns)
            {
                int columns = Math.Min(_columns, _n - n0);
                int nPanels = (columns + TKernel.Columns - 1) / TKernel.Columns;
                int gridColumns = GridColumns(mPanels, nPanels, workers);
                int gridRows = workers / gridColumns;
                int gridRow = worker / gridColumns, gridColumn = worker % gridColumns;
                for (int k0 = 0; k0 < _k; k0 += _depth, block ^= 1)
                {
                    int depth = Math.Min(_depth, _k - k0);
                    float* packedB = _packedB + ((long)block * _depth * _columns);
                    int packFrom = WorkerPool.PartStart(nPanels, worker, workers) * TKernel.Columns;
                    int packTo = Math.Min(columns, WorkerPool.PartStart(nPanels, worker + 1, workers) * TKernel.Columns);
                    if (packFrom < packTo)
                        Packing.PackB<TKernel>(_b, n0 + packFrom, n0 + packTo, k0, depth, packedB + ((long)packFrom * depth));
                    _pool.Barrier(workers);
                    if (gridRow < gridRows)
                    {
                        int rowFrom = WorkerPool.PartStart(mPanels, gridRow, gridRows) * TKernel.Rows;
                        int rowTo = Math.Min(_m, WorkerPool.PartStart(mPanels, gridRow + 1, gridRows) * TKernel.Rows);
                        int panelFrom = WorkerPool.PartStart(nPanels, gridColumn, gridColumns);
                        int panelTo = WorkerPool.PartStart(nPanels, gridColumn + 1, gridColumns);
                        Block(owner, rowFrom, rowTo, n0, columns, panelFrom, panelTo, k0, depth, packedB);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Block(int owner, int rowFrom, int rowTo, int n0, int columns, int panelFrom, int panelTo, int k0, int depth,
            float* packedB)
        {
            int blockRows = Math.Max(1, MaxBlockA / depth / TKernel.Rows) * TKernel.Rows;
            bool accumulate = _update == Update.Add || k0 > 0;
            for (int i0 = rowFrom; i0 < rowTo; i0 += blockRows)
            {
                int i1 = Math.Min(rowTo, i0 + blockRows);
                float* packedA = _pool.Scratch(owner, ScratchSlot.PackedA).Ensure((long)Up(i1 - i0, TKernel.Rows) * depth);
                Packing.PackA<TKernel>(_a, i0, i1, k0, depth, packedA);
                for (int p = panelFrom; p < panelTo; p++)
                {
                    int column = p * TKernel.Columns;
                    int tileColumns = Math.Min(TKernel.Columns, columns - column);
                    bool half = TKernel.HasHalf && tileColumns <= TKernel.Columns / 2;
                    int fullColumns = half ? TKernel.Columns / 2 : TKernel.Columns;
                    float* panelB = packedB + ((long)column * depth);
                    float* panelA = packedA;
                    for (int i = i0; i < i1; i += TKernel.Rows, panelA += (long)TKernel.Rows * depth)
                    {
                        int tileRows = Math.Min(TKernel.Rows, i1 - i);
                        float* target = _c.Row(i) + n0 + column;
                        if (_mask.Kind == CausalMaskKind.Product && n0 + column > i + tileRows - 1 + _mask.Offset)
                            continue;
                        // Terms that are zero are left out at either end: the sum of the others is the same.
                        int first = _mask.Kind == CausalMaskKind.LeftTransposed ? Math.Clamp(i - _mask.Offset - k0, 0, depth) : 0;
                        int end = _mask.Kind == CausalMaskKind.Left ? Math.Clamp(i + tileRows + _mask.Offset - k0, 0, depth) : depth;
                        float* a = panelA + ((long)first * TKernel.Rows), b = panelB + ((long)first * TKernel.Columns);
                        if (tileRows == TKernel.Rows && tileColumns == fullColumns)
                            Tile(half, end - first, a, b, target, _c.Stride, accumulate);
                        else
                            Edge(half, end - first, a, b, target, _c.Stride, tileRows, tileColumns, accumulate);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Tile(bool half, int depth, float* a, float* b, float* c, int stride, bool accumulate)
        {
            if (half)
                TKernel.MultiplyHalf(depth, a, b, c, stride, accumulate);
            else
                TKernel.Multiply(depth, a, b, c, stride, accumulate);
        }

        /// <summary>A tile that sticks out of C: computed aside with the same arithmetic, then the inside is copied.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Edge(bool half, int depth, float* a, float* b, float* c, int stride, int rows, int columns, bool accumulate)
        {
            float* tile = stackalloc float[TKernel.Rows * TKernel.Columns];
            Tile(half, depth, a, b, tile, TKernel.Columns, accumulate: false);
            int width = Vector<float>.Count;
            for (int i = 0; i < rows; i++)
            {
                float* from = tile + (i * TKernel.Columns);
                float* to = c + ((long)i * stride);
                int j = 0;
                for (; j + width <= columns; j += width)
                    (accumulate ? Vector.Load(from + j) + Vector.Load(to + j) : Vector.Load(from + j)).Store(to + j);
                for (; j < columns; j++)
                    to[j] = accumulate ? from[j] + to[j] : from[j];
            }
        }

        /// <summary>Columns of the workers' grid over C's panels: the divisor of the worker count that gives the smallest largest
        /// part.</summary>
        private static int GridColumns(int mPanels, int nPanels, int workers)
        {
            int best = 1;
            long bestPart = long.MaxValue;
            for (int columns = 1; columns <= workers; columns++)
            {
                if (workers % columns != 0)
                    continue;
                int rows = workers / columns;
                long part = (long)((mPanels + rows - 1) / rows) * ((nPanels + columns - 1) / columns);
                if (part < bestPart)
                    (best, bestPart) = (columns, part);
            }

            return best;
        }

        private static int Up(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
    }
}
