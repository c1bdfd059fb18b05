using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Makes bfloat16 copies of weights in the layout of <see cref="BFloat16Format"/>.</summary>
internal static unsafe class BFloat16Copy
{
    // Fewer rows are not worth a thread of their own.
    private const int RowsPerGrain = 64;

    /// <summary>Floats of memory that a copy takes.</summary>
    public static long Floats(int rows, int columns) => rows * BFloat16Format.RowBytes(columns) / sizeof(float);

    /// <summary>The view of a copy.</summary>
    /// <param name="data">Its memory, <see cref="Floats"/> long.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Weights of a row.</param>
    public static WeightRows<BFloat16Format> View(float* data, int rows, int columns) =>
        new((nint)data, rows, columns, BFloat16Format.RowBytes(columns));

    /// <summary>Copies a matrix, rounded to nearest even.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="source">The weights.</param>
    /// <param name="to">Receives the copy.</param>
    /// <param name="exactOnly">Whether to stop at the first row with a weight that rounding changes, since an inexact copy is of no
    /// use.</param>
    /// <returns>Whether all is copied: always without <paramref name="exactOnly"/>, otherwise if rounding changes no weight.</returns>
    public static bool Make(WorkerPool pool, in Matrix source, in WeightRows<BFloat16Format> to, bool exactOnly)
    {
        int inexact = 0;
        var job = new Job { Source = source, To = to, Inexact = exactOnly ? &inexact : null };
        pool.For(source.Rows, RowsPerGrain, ref job);
        return inexact == 0;
    }

    /// <summary>Copies a row.</summary>
    /// <returns>The bits, of all weights together, that rounding took away: 0 if the copy is exact.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint CopyRow(float* source, int columns, uint* to)
    {
        uint* bits = (uint*)source;
        Vector256<uint> lost = Vector256<uint>.Zero;
        int k = 0;
        for (; k + 32 <= columns; k += 32, to += 16)
        {
            for (int i = 0; i < 16; i += 8)
            {
                Vector256<uint> low = Vector256.Load(bits + k + i), high = Vector256.Load(bits + k + 16 + i);
                lost |= low | high;
                ((Round(low) >> 16) | (Round(high) & Vector256.Create(0xFFFF_0000))).Store(to + i);
            }
        }

        uint rest = 0;
        if (k < columns)
            new Span<uint>(to, 16).Clear();
        for (int i = 0; k + i < columns; i++)
        {
            rest |= bits[k + i];
            to[i % 16] |= (uint)FloatConversion.ToBFloat16(source[k + i]) << (i < 16 ? 0 : 16);
        }

        for (int i = 0; i < 8; i++)
            rest |= lost[i];
        return rest & 0xFFFF;
    }

    // As FloatConversion.ToBFloat16: a NaN stays one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector256<uint> bits)
    {
        Vector256<uint> rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        Vector256<uint> number = Vector256.Equals(bits.AsSingle(), bits.AsSingle()).AsUInt32();
        return Vector256.ConditionalSelect(number, rounded, bits | Vector256.Create(0x40_0000u));
    }

    private struct Job : IRangeJob
    {
        public Matrix Source;
        public WeightRows<BFloat16Format> To;
        public int* Inexact;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int n = from; n < to; n++)
            {
                if (CopyRow(Source.Row(n), Source.Columns, (uint*)To.Row(n)) == 0 || Inexact is null)
                    continue;
                Volatile.Write(ref *Inexact, 1); // the same value from every worker
                return;
            }
        }
    }
}
