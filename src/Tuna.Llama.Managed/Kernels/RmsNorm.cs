using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>RMSNorm (Zhang and Sennrich, arXiv 1910.07467): y = w * x / sqrt(mean(x^2) + eps), row by row.</summary>
internal static unsafe class RmsNorm
{
    // Columns of the weight's gradient are split among workers in multiples of this, the widest register.
    private const int ColumnBlock = 16;

    /// <summary>y = norm(x).</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">Input, [T, D].</param>
    /// <param name="weight">Weight, [D].</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="y">Output, [T, D]; may be <paramref name="x"/>.</param>
    /// <param name="inverse">Receives 1 / sqrt(mean(x^2) + eps), [T].</param>
    public static void Forward(WorkerPool pool, in Matrix x, float* weight, float epsilon, in Matrix y, float* inverse)
    {
        Check(x, y);
        var job = new ForwardJob { X = x, Y = y, Weight = weight, Inverse = inverse, Epsilon = epsilon, HasInverse = false };
        pool.For(x.Rows, Grain.Of(x.Columns), ref job);
    }

    /// <summary>y = norm(x) again, from the inverses that <see cref="Forward"/> kept: the same bits.</summary>
    public static void Recompute(WorkerPool pool, in Matrix x, float* weight, float* inverse, in Matrix y)
    {
        Check(x, y);
        var job = new ForwardJob { X = x, Y = y, Weight = weight, Inverse = inverse, HasInverse = true };
        pool.For(x.Rows, Grain.Of(x.Columns), ref job);
    }

    /// <summary>dx += d norm(x) / dx * dy and dweight += the weight's gradient.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">Input of the forward pass, [T, D].</param>
    /// <param name="weight">Weight, [D].</param>
    /// <param name="inverse">From the forward pass, [T].</param>
    /// <param name="dy">Gradient of the output, [T, D].</param>
    /// <param name="dx">Gradient of the input, [T, D]; accumulated.</param>
    /// <param name="dWeight">Gradient of the weight, [D]; accumulated.</param>
    public static void Backward(WorkerPool pool, in Matrix x, float* weight, float* inverse, in Matrix dy, in Matrix dx, float* dWeight)
    {
        Check(x, dy);
        Check(x, dx);
        var rows = new BackwardJob { X = x, Dy = dy, Dx = dx, Weight = weight, Inverse = inverse };
        pool.For(x.Rows, Grain.Of(x.Columns), ref rows);
        // By columns, so that every column is summed over the rows in order whatever the number of workers is.
        var columns = new WeightJob { X = x, Dy = dy, Inverse = inverse, DWeight = dWeight };
        pool.For((x.Columns + ColumnBlock - 1) / ColumnBlock, Grain.Of(x.Rows * ColumnBlock), ref columns);
    }

    private static void Check(in Matrix x, in Matrix y)
    {
        if (x.Rows != y.Rows || x.Columns != y.Columns)
            throw new ArgumentException($"[{x.Rows}, {x.Columns}] and [{y.Rows}, {y.Columns}] differ.", nameof(y));
    }

    private struct ForwardJob : IRangeJob
    {
        public Matrix X, Y;
        public float* Weight, Inverse;
        public float Epsilon;
        public bool HasInverse;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count, d = X.Columns;
            for (int t = from; t < to; t++)
            {
                float* x = X.Row(t), y = Y.Row(t);
                float inverse = HasInverse ? Inverse[t] : Inverse[t] = 1 / MathF.Sqrt((VectorMath.Dot(x, x, d) / d) + Epsilon);
                var factor = new Vector<float>(inverse);
                int i = 0;
                for (; i + width <= d; i += width)
                    (Vector.Load(x + i) * factor * Vector.Load(Weight + i)).Store(y + i);
                for (; i < d; i++)
                    y[i] = x[i] * inverse * Weight[i];
            }
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public Matrix X, Dy, Dx;
        public float* Weight, Inverse;

        // With n = x * inverse and g = dy * w: dx = inverse * (g - n * mean(g * n)).
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count, d = X.Columns;
            for (int t = from; t < to; t++)
            {
                float* x = X.Row(t), dy = Dy.Row(t), dx = Dx.Row(t);
                float inverse = Inverse[t];
                Vector<float> sum = Vector<float>.Zero;
                int i = 0;
                for (; i + width <= d; i += width)
                    sum = Vector.MultiplyAddEstimate(Vector.Load(dy + i) * Vector.Load(Weight + i), Vector.Load(x + i), sum);
                float dot = Vector.Sum(sum);
                for (; i < d; i++)
                    dot += dy[i] * Weight[i] * x[i];

                float shrink = -dot * inverse * inverse * inverse / d;
                Vector<float> f = new(inverse), s = new(shrink);
                for (i = 0; i + width <= d; i += width)
                {
                    Vector<float> g = Vector.Load(dy + i) * Vector.Load(Weight + i);
                    (Vector.Load(dx + i) + Vector.MultiplyAddEstimate(g, f, Vector.Load(x + i) * s)).Store(dx + i);
                }

                for (; i < d; i++)
                    dx[i] += (dy[i] * Weight[i] * inverse) + (x[i] * shrink);
            }
        }
    }

    private struct WeightJob : IRangeJob
    {
        public Matrix X, Dy;
        public float* Inverse, DWeight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count;
            int start = from * ColumnBlock, end = Math.Min(X.Columns, to * ColumnBlock);
            for (int t = 0; t < X.Rows; t++)
            {
                float* x = X.Row(t), dy = Dy.Row(t);
                var factor = new Vector<float>(Inverse[t]);
                int i = start;
                for (; i + width <= end; i += width)
                    Vector.MultiplyAddEstimate(Vector.Load(dy + i) * Vector.Load(x + i), factor, Vector.Load(DWeight + i))
                        .Store(DWeight + i);
                for (; i < end; i++)
                    DWeight[i] += dy[i] * x[i] * Inverse[t];
            }
        }
    }
}
