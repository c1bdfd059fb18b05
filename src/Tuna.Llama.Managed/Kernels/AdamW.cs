using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2 with decay times learning rate, as PyTorch's AdamW), fused into one
/// pass over memory.</summary>
internal static unsafe class AdamW
{
    /// <summary>Floats per partial sum of <see cref="SumOfSquares"/>.</summary>
    public const int BlockSize = 16 * 1024;

    /// <summary>Updates weights and moments in place.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="count">Number of parameters.</param>
    /// <param name="weights">Parameters, [count].</param>
    /// <param name="gradient">Their gradient, [count].</param>
    /// <param name="first">First moments, [count].</param>
    /// <param name="second">Second moments, [count].</param>
    /// <param name="step">The step's number, learning rate, gradient factor and constants.</param>
    public static void Step(WorkerPool pool, long count, float* weights, float* gradient, float* first, float* second, in AdamWStep step)
    {
        Job job = Of(count, weights, gradient, first, second, step);
        pool.For(Blocks(count), grain: 1, ref job);
    }

    /// <summary>Whether <see cref="Step"/> would leave all weights and moments finite; nothing is changed.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="count">As for <see cref="Step"/>.</param>
    /// <param name="weights">As for <see cref="Step"/>.</param>
    /// <param name="gradient">As for <see cref="Step"/>.</param>
    /// <param name="first">As for <see cref="Step"/>.</param>
    /// <param name="second">As for <see cref="Step"/>.</param>
    /// <param name="step">As for <see cref="Step"/>.</param>
    /// <param name="partial">Room for a number per block of <see cref="BlockSize"/>.</param>
    /// <returns>The first parameter that would not be, or -1.</returns>
    public static long FirstNonFinite(WorkerPool pool, long count, float* weights, float* gradient, float* first, float* second,
        in AdamWStep step, Span<double> partial)
    {
        int blocks = Blocks(count);
        fixed (double* p = partial[..blocks])
        {
            var job = new TrialJob { Step = Of(count, weights, gradient, first, second, step), Partial = p };
            pool.For(blocks, grain: 1, ref job);
        }

        for (int b = 0; b < blocks; b++)
        {
            if (partial[b] >= 0)
                return (long)partial[b];
        }

        return -1;
    }

    private static Job Of(long count, float* weights, float* gradient, float* first, float* second, in AdamWStep step)
    {
        AdamWSettings s = step.Settings;
        double correction1 = 1 - Math.Pow(s.Beta1, step.Step);
        double correction2 = 1 - Math.Pow(s.Beta2, step.Step);
        return new Job
        {
            Count = count,
            Weights = weights,
            Gradient = gradient,
            First = first,
            Second = second,
            Scale = (float)step.GradientScale,
            Beta1 = (float)s.Beta1,
            OneMinusBeta1 = (float)(1 - s.Beta1),
            Beta2 = (float)s.Beta2,
            OneMinusBeta2 = (float)(1 - s.Beta2),
            Keep = (float)(1 - (step.LearningRate * s.WeightDecay)),
            StepSize = (float)(step.LearningRate / correction1),
            InverseRootCorrection2 = (float)(1 / Math.Sqrt(correction2)),
            Epsilon = (float)s.Epsilon,
        };
    }

    /// <summary>Sum of squares in double precision, by blocks of fixed size: the same bits whatever the number of workers is.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="count">Number of values.</param>
    /// <param name="values">The values, [count].</param>
    /// <param name="partial">Room for a sum per block of <see cref="BlockSize"/>.</param>
    public static double SumOfSquares(WorkerPool pool, long count, float* values, Span<double> partial)
    {
        SquaresByBlock(pool, count, values, partial);
        return Sum(partial[..Blocks(count)]);
    }

    /// <summary>Sums of squares of blocks of <see cref="BlockSize"/>.</summary>
    /// <inheritdoc cref="SumOfSquares"/>
    public static void SquaresByBlock(WorkerPool pool, long count, float* values, Span<double> partial)
    {
        int blocks = Blocks(count);
        if (partial.Length < blocks)
            throw new ArgumentException($"{partial.Length} is too short for {blocks} sums.", nameof(partial));
        fixed (double* p = partial)
        {
            var job = new SquaresJob { Count = count, Values = values, Partial = p };
            pool.For(blocks, grain: 1, ref job);
        }
    }

    /// <summary>The sum of the blocks' sums, in their order.</summary>
    public static double Sum(ReadOnlySpan<double> partial)
    {
        double sum = 0;
        foreach (double block in partial)
            sum += block;
        return sum;
    }

    /// <summary>Blocks of <see cref="BlockSize"/> in <paramref name="count"/>.</summary>
    public static int Blocks(long count) => checked((int)((count + BlockSize - 1) / BlockSize));

    private struct Job : IRangeJob
    {
        public long Count;
        public float* Weights, Gradient, First, Second;
        public float Scale, Beta1, OneMinusBeta1, Beta2, OneMinusBeta2, Keep, StepSize, InverseRootCorrection2, Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count;
            long i = (long)from * BlockSize, end = Math.Min(Count, (long)to * BlockSize);
            Vector<float> scale = new(Scale), b1 = new(Beta1), c1 = new(OneMinusBeta1), b2 = new(Beta2), c2 = new(OneMinusBeta2);
            Vector<float> keep = new(Keep), size = new(-StepSize), root = new(InverseRootCorrection2), epsilon = new(Epsilon);
            for (; i + width <= end; i += width)
            {
                Vector<float> g = Vector.Load(Gradient + i) * scale;
                Vector<float> m = Vector.MultiplyAddEstimate(Vector.Load(First + i), b1, g * c1);
                Vector<float> v = Vector.MultiplyAddEstimate(Vector.Load(Second + i), b2, g * g * c2);
                m.Store(First + i);
                v.Store(Second + i);
                Vector<float> direction = m / Vector.MultiplyAddEstimate(Vector.SquareRoot(v), root, epsilon);
                Vector.MultiplyAddEstimate(direction, size, Vector.Load(Weights + i) * keep).Store(Weights + i);
            }

            for (; i < end; i++)
            {
                float g = Gradient[i] * Scale;
                First[i] = (First[i] * Beta1) + (g * OneMinusBeta1);
                Second[i] = (Second[i] * Beta2) + (g * g * OneMinusBeta2);
                Weights[i] = (Weights[i] * Keep) - (StepSize * (First[i] / ((MathF.Sqrt(Second[i]) * InverseRootCorrection2) + Epsilon)));
            }
        }
    }

    /// <summary>The step without its stores, one parameter after another.</summary>
    private struct TrialJob : IRangeJob
    {
        public Job Step;
        public double* Partial;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int b = from; b < to; b++)
            {
                Partial[b] = -1;
                long end = Math.Min(Step.Count, ((long)b + 1) * BlockSize);
                for (long i = (long)b * BlockSize; i < end && Partial[b] < 0; i++)
                {
                    float g = Step.Gradient[i] * Step.Scale;
                    float m = (Step.First[i] * Step.Beta1) + (g * Step.OneMinusBeta1),
                        v = (Step.Second[i] * Step.Beta2) + (g * g * Step.OneMinusBeta2);
                    float w = (Step.Weights[i] * Step.Keep)
                        - (Step.StepSize * (m / ((MathF.Sqrt(v) * Step.InverseRootCorrection2) + Step.Epsilon)));
                    // The vectors' multiply-add may round otherwise: next to the largest number is too close.
                    if (!(MathF.Max(MathF.Abs(w), MathF.Max(MathF.Abs(m), v)) < float.MaxValue / 2))
                        Partial[b] = i;
                }
            }
        }
    }

    private struct SquaresJob : IRangeJob
    {
        public long Count;
        public float* Values;
        public double* Partial;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count;
            for (int b = from; b < to; b++)
            {
                long i = (long)b * BlockSize, end = Math.Min(Count, i + BlockSize);
                Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
                for (; i + width <= end; i += width)
                {
                    Vector.Widen(Vector.Load(Values + i), out Vector<double> x, out Vector<double> y);
                    low += x * x;
                    high += y * y;
                }

                double sum = Vector.Sum(low + high);
                for (; i < end; i++)
                    sum += (double)Values[i] * Values[i];
                Partial[b] = sum;
            }
        }
    }
}
