using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Rounds rows of floats to whole numbers in units of the row's own: weights to bytes, the rows that they are multiplied with to
/// 16 bits.</summary>
/// <remarks>A row with a number that is not finite becomes something.</remarks>
internal static unsafe class Int8Copy
{
    /// <summary>The largest number in 16 bits: products with bytes, of 32,000 columns together, stay within 32.</summary>
    public const int Largest16 = 8191;

    // Fewer rows are not worth a thread of their own.
    private const int RowsPerGrain = 64;

    // Adding 1.5 * 2^23 rounds to an integer, which then is in the lowest bits.
    private const float Magic = 12582912f;

    /// <summary>Copies a matrix: each row in units of 1/127 of its largest magnitude.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="source">The weights.</param>
    /// <param name="to">Receives the copy.</param>
    public static void Make(WorkerPool pool, in Matrix source, in Int8Matrix to)
    {
        var job = new Job { Source = source, To = to };
        pool.For(source.Rows, RowsPerGrain, ref job);
    }

    /// <summary>Copies a row in units of 1/<see cref="Largest16"/> of its largest magnitude, filled up with zeros to
    /// <paramref name="padded"/>; returns the unit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Row16(float* source, int columns, short* to, int padded)
    {
        float largest = Largest(source, columns), inverse = largest > 0 ? Largest16 / largest : 0;
        int k = 0;
        for (; k + 8 <= columns; k += 8)
            Vector128.Narrow(Rounded(source + k, inverse), Rounded(source + k + 4, inverse)).Store(to + k);
        for (; k < columns; k++)
            to[k] = (short)BitConverter.SingleToInt32Bits((source[k] * inverse) + Magic);
        for (; k < padded; k++)
            to[k] = 0;
        return largest / Largest16;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row8(float* source, int columns, float inverse, sbyte* to, int padded)
    {
        int k = 0;
        for (; k + 16 <= columns; k += 16)
        {
            if (Avx512F.IsSupported)
            {
                Avx512F.ConvertToVector128SByte(((Vector512.Load(source + k) * inverse) + Vector512.Create(Magic)).AsInt32()).Store(to + k);
                continue;
            }

            Vector128<short> low = Vector128.Narrow(Rounded(source + k, inverse), Rounded(source + k + 4, inverse));
            Vector128<short> high = Vector128.Narrow(Rounded(source + k + 8, inverse), Rounded(source + k + 12, inverse));
            Vector128.Narrow(low, high).Store(to + k);
        }

        for (; k < columns; k++)
            to[k] = (sbyte)BitConverter.SingleToInt32Bits((source[k] * inverse) + Magic);
        for (; k < padded; k++)
            to[k] = 0;
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

    // Wraps around what does not fit, as the other ways do.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Rounded(float* source, float inverse) =>
        ((Vector128.Load(source) * inverse) + Vector128.Create(Magic)).AsInt32();

    private struct Job : IRangeJob
    {
        public Matrix Source;
        public Int8Matrix To;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int n = from; n < to; n++)
            {
                float largest = Largest(Source.Row(n), Source.Columns);
                To.Scales[n] = largest / 127;
                Row8(Source.Row(n), Source.Columns, largest > 0 ? 127 / largest : 0, To.Row(n), To.Stride);
            }
        }
    }
}
