using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Makes copies of weights in a byte each, in the layout of <see cref="Int8Format"/>: the rows, then their scales.</summary>
internal static unsafe class Int8Copy
{
    // Fewer rows are not worth a thread of their own.
    private const int RowsPerGrain = 64;

    // Adding 1.5 * 2^23 rounds to an integer, which then is in the lowest bits.
    private const float Magic = 12582912f;

    /// <summary>Floats of memory that a copy takes: a multiple of 16, so that the next one starts at a line too.</summary>
    public static long Floats(int rows, int columns) => ((rows * Int8Format.RowBytes(columns) / sizeof(float)) + rows + 15) / 16 * 16;

    /// <summary>The view of a copy.</summary>
    /// <param name="data">Its memory, <see cref="Floats"/> long.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Weights of a row.</param>
    public static WeightRows<Int8Format> View(float* data, int rows, int columns)
    {
        long stride = Int8Format.RowBytes(columns);
        return new WeightRows<Int8Format>((nint)data, rows, columns, stride) { Scales = (nint)data + (nint)(rows * stride) };
    }

    /// <summary>Copies a matrix: each row in units of 1/127 of its largest magnitude, rounded to nearest.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="source">The weights.</param>
    /// <param name="to">Receives the copy. A row with a weight that is not finite is copied to something.</param>
    public static void Make(WorkerPool pool, in Matrix source, in WeightRows<Int8Format> to)
    {
        var job = new Job { Source = source, To = to };
        pool.For(source.Rows, RowsPerGrain, ref job);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* source, int columns)
    {
        Vector256<float> most = Vector256<float>.Zero;
        int k = 0;
        for (; k + 8 <= columns; k += 8)
            most = Vector256.MaxNative(most, Vector256.Abs(Vector256.Load(source + k)));
        float largest = 0;
        for (int i = 0; i < 8; i++)
            largest = MathF.Max(largest, most[i]);
        for (; k < columns; k++)
            largest = MathF.Max(largest, MathF.Abs(source[k]));
        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyRow(float* source, int columns, float inverse, sbyte* to)
    {
        int k = 0;
        if (Avx512F.IsSupported)
        {
            for (; k + 16 <= columns; k += 16)
                Avx512F.ConvertToVector128SByte(((Vector512.Load(source + k) * inverse) + Vector512.Create(Magic)).AsInt32()).Store(to + k);
        }
        else
        {
            for (; k + 16 <= columns; k += 16)
            {
                Vector128<short> low = Vector128.Narrow(Rounded(source + k, inverse), Rounded(source + k + 4, inverse));
                Vector128<short> high = Vector128.Narrow(Rounded(source + k + 8, inverse), Rounded(source + k + 12, inverse));
                Vector128.Narrow(low, high).Store(to + k);
            }
        }

        for (; k < columns; k++)
            to[k] = (sbyte)BitConverter.SingleToInt32Bits((source[k] * inverse) + Magic);
        for (; k < Int8Format.RowBytes(columns); k++)
            to[k] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Rounded(float* source, float inverse) => ((Vector128.Load(source) * inverse) + Vector128.Create(Magic)).AsInt32();

    private struct Job : IRangeJob
    {
        public Matrix Source;
        public WeightRows<Int8Format> To;

        public readonly void Execute(int from, int to, int worker)
        {
            float* scales = (float*)To.Scales;
            for (int n = from; n < to; n++)
            {
                float largest = Largest(Source.Row(n), Source.Columns);
                scales[n] = largest / 127;
                CopyRow(Source.Row(n), Source.Columns, largest > 0 ? 127 / largest : 0, (sbyte*)To.Row(n));
            }
        }
    }
}
