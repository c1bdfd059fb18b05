using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>RMSNorm of every head of a row by itself, with one weight for all of them, as Qwen3 normalizes queries and keys.</summary>
internal static unsafe class HeadNorm
{
    /// <summary>y = norm(x), head by head.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">Rows of heads, [T, heads * d].</param>
    /// <param name="weight">Weight, [d].</param>
    /// <param name="dimension">Width of a head, d.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="y">Output, [T, heads * d]; may be <paramref name="x"/>.</param>
    public static void Forward(WorkerPool pool, in Matrix x, float* weight, int dimension, float epsilon, in Matrix y)
    {
        Check(x, y, dimension);
        var job = new ForwardJob { X = x, Y = y, Weight = weight, Dimension = dimension, Epsilon = epsilon };
        pool.For(x.Rows, Grain.Of(x.Columns), ref job);
    }

    /// <summary>Replaces the gradient of the output by that of the input; dWeight += the weight's gradient.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">Input of the forward pass, [T, heads * d].</param>
    /// <param name="weight">As in the forward pass.</param>
    /// <param name="dimension">As in the forward pass.</param>
    /// <param name="epsilon">As in the forward pass.</param>
    /// <param name="dy">Gradient of the output; overwritten with that of the input; [T, heads * d].</param>
    /// <param name="dWeight">Gradient of the weight, [d]; accumulated.</param>
    public static void Backward(WorkerPool pool, in Matrix x, float* weight, int dimension, float epsilon, in Matrix dy, float* dWeight)
    {
        Check(x, dy, dimension);
        // The weight's gradient first, which needs the gradient of the output. A worker has some elements of all heads, so that each is
        // summed in order whatever the number of workers is.
        var weights = new WeightJob { X = x, Dy = dy, DWeight = dWeight, Dimension = dimension, Epsilon = epsilon };
        pool.For(dimension, Math.Max(16, Grain.Of(x.Rows * (x.Columns / dimension))), ref weights);
        var rows = new BackwardJob { X = x, Dy = dy, Weight = weight, Dimension = dimension, Epsilon = epsilon };
        pool.For(x.Rows, Grain.Of(x.Columns), ref rows);
    }

    private static void Check(in Matrix x, in Matrix y, int dimension)
    {
        if (x.Rows != y.Rows || x.Columns != y.Columns || x.Columns % dimension != 0)
            throw new ArgumentException(
                $"[{x.Rows}, {x.Columns}] and [{y.Rows}, {y.Columns}] are not the same number of heads of width {dimension}.", nameof(y));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Inverse(float* x, int dimension, float epsilon) =>
        1 / MathF.Sqrt((VectorMath.Dot(x, x, dimension) / dimension) + epsilon);

    private struct ForwardJob : IRangeJob
    {
        public Matrix X, Y;
        public float* Weight;
        public int Dimension;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            for (int t = from; t < to; t++)
            {
                float* x = X.Row(t), y = Y.Row(t);
                for (int h = 0; h < X.Columns; h += Dimension)
                {
                    float inverse = Inverse(x + h, Dimension, Epsilon);
                    for (int i = 0; i < Dimension; i++)
                        y[h + i] = x[h + i] * inverse * Weight[i];
                }
            }
        }
    }

    private struct WeightJob : IRangeJob
    {
        public Matrix X, Dy;
        public float* DWeight;
        public int Dimension;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            for (int t = 0; t < X.Rows; t++)
            {
                float* x = X.Row(t), dy = Dy.Row(t);
                for (int h = 0; h < X.Columns; h += Dimension)
                {
                    float inverse = Inverse(x + h, Dimension, Epsilon);
                    for (int i = from; i < to; i++)
                        DWeight[i] += dy[h + i] * (x[h + i] * inverse);
                }
            }
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public Matrix X, Dy;
        public float* Weight;
        public int Dimension;
        public float Epsilon;

        // With n = x * inverse and g = dy * w: dx = inverse * (g - n * mean(g * n)).
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            for (int t = from; t < to; t++)
            {
                float* x = X.Row(t), dy = Dy.Row(t);
                for (int h = 0; h < X.Columns; h += Dimension)
                {
                    float inverse = Inverse(x + h, Dimension, Epsilon), dot = 0;
                    for (int i = 0; i < Dimension; i++)
                        dot += dy[h + i] * Weight[i] * x[h + i];
                    float shrink = dot * inverse * inverse / Dimension;
                    for (int i = 0; i < Dimension; i++)
                        dy[h + i] = inverse * ((dy[h + i] * Weight[i]) - (x[h + i] * shrink));
                }
            }
        }
    }
}
