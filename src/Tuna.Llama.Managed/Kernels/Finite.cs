using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Looks for what must not be in a model: NaN, infinities, and numbers that a smaller type cannot hold.</summary>
internal static unsafe class Finite
{
    /// <summary>Place of the first NaN or infinity, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int IndexOfNonFinite(ReadOnlySpan<float> values)
    {
        // A finite number times zero is zero; an infinity or a NaN gives NaN, and so does every sum with it.
        int i = 0;
        Vector<float> sum = Vector<float>.Zero;
        foreach (Vector<float> v in MemoryMarshal.Cast<float, Vector<float>>(values))
            sum += v * Vector<float>.Zero;
        if (Vector.EqualsAll(sum, Vector<float>.Zero))
            i = values.Length / Vector<float>.Count * Vector<float>.Count;
        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return i;
        }

        return -1;
    }

    /// <summary>Place of the first number whose magnitude is not below a limit, NaN included, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int IndexOfBeyond(ReadOnlySpan<float> values, float limit)
    {
        int i = 0;
        var bound = new Vector<float>(limit);
        foreach (Vector<float> v in MemoryMarshal.Cast<float, Vector<float>>(values))
        {
            if (!Vector.LessThanAll(Vector.Abs(v), bound))
                break;
            i += Vector<float>.Count;
        }

        for (; i < values.Length; i++)
        {
            if (!(MathF.Abs(values[i]) < limit))
                return i;
        }

        return -1;
    }

    /// <summary>The largest magnitude; NaN or infinity when not all values are finite.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="count">Number of values.</param>
    /// <param name="values">The values, [count].</param>
    /// <param name="partial">Room for a number per block of <see cref="AdamW.BlockSize"/>.</param>
    public static double Largest(WorkerPool pool, long count, float* values, Span<double> partial)
    {
        int blocks = AdamW.Blocks(count);
        fixed (double* p = partial[..blocks])
        {
            var job = new LargestJob { Count = count, Values = values, Partial = p };
            pool.For(blocks, grain: 1, ref job);
        }

        double largest = 0;
        for (int b = 0; b < blocks; b++)
            largest = Math.Max(largest, partial[b]); // NaN stays
        return largest;
    }

    private struct LargestJob : IRangeJob
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
                long i = (long)b * AdamW.BlockSize, end = Math.Min(Count, i + AdamW.BlockSize);
                Vector<float> max = Vector<float>.Zero;
                for (; i + width <= end; i += width)
                    max = Vector.Max(max, Vector.Abs(Vector.Load(Values + i)));
                float largest = 0;
                for (int lane = 0; lane < width; lane++)
                    largest = MathF.Max(largest, max[lane]);
                for (; i < end; i++)
                    largest = MathF.Max(largest, MathF.Abs(Values[i]));
                Partial[b] = largest;
            }
        }
    }
}
