using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>The bias of a linear layer.</summary>
internal static unsafe class Bias
{
    // Columns of the gradient are split among workers in multiples of this, the widest register.
    private const int ColumnBlock = 16;

    /// <summary>y[t] += bias.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="y">Rows, [T, D].</param>
    /// <param name="bias">Bias, [D].</param>
    public static void Forward(WorkerPool pool, in Matrix y, float* bias)
    {
        var job = new ForwardJob { Y = y, Values = bias };
        pool.For(y.Rows, Grain.Of(y.Columns), ref job);
    }

    /// <summary>dBias += the sum of the rows of dy, in order whatever the number of workers is.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="dy">Gradient of the rows, [T, D].</param>
    /// <param name="dBias">Gradient of the bias, [D]; accumulated.</param>
    public static void Backward(WorkerPool pool, in Matrix dy, float* dBias)
    {
        var job = new BackwardJob { Dy = dy, DBias = dBias };
        pool.For((dy.Columns + ColumnBlock - 1) / ColumnBlock, Grain.Of(dy.Rows * ColumnBlock), ref job);
    }

    private static void Add(float* from, float* to, int count)
    {
        int width = Vector<float>.Count, i = 0;
        for (; i + width <= count; i += width)
            (Vector.Load(to + i) + Vector.Load(from + i)).Store(to + i);
        for (; i < count; i++)
            to[i] += from[i];
    }

    private struct ForwardJob : IRangeJob
    {
        public Matrix Y;
        public float* Values;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            for (int t = from; t < to; t++)
                Add(Values, Y.Row(t), Y.Columns);
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public Matrix Dy;
        public float* DBias;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int start = from * ColumnBlock, count = Math.Min(Dy.Columns, to * ColumnBlock) - start;
            for (int t = 0; t < Dy.Rows; t++)
                Add(Dy.Row(t) + start, DBias + start, count);
        }
    }
}
