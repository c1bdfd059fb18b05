using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>A view of a row-major matrix of weights.</summary>
/// <typeparam name="TFormat">How a row lies in memory.</typeparam>
/// <param name="Data">First row.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Weights of a row.</param>
/// <param name="Stride">Bytes from one row to the next.</param>
internal readonly unsafe record struct WeightRows<TFormat>(nint Data, int Rows, int Columns, long Stride)
    where TFormat : struct, IWeightFormat
{
    public byte* Row(int row) => (byte*)Data + (row * Stride);
}

/// <summary>What is the same for all formats.</summary>
internal static unsafe class WeightRows
{
    /// <summary>Bytes of a cache line.</summary>
    public const int Line = 64;

    /// <summary>Asks for lines that are read later, into the first-level cache: best where one row x leaves little to compute.</summary>
    /// <remarks>Unrolled, since the number is a constant where it is called.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchLines(byte* next, int lines)
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch0(next);
        if (lines > 1)
            Sse.Prefetch0(next + Line);
        if (lines > 2)
            Sse.Prefetch0(next + (2 * Line));
        if (lines > 3)
            Sse.Prefetch0(next + (3 * Line));
    }

    /// <summary>As <see cref="FetchLines"/>, into the second-level cache: best where several rows x are in the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchLinesBehind(byte* next, int lines)
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch1(next);
        if (lines > 1)
            Sse.Prefetch1(next + Line);
        if (lines > 2)
            Sse.Prefetch1(next + (2 * Line));
        if (lines > 3)
            Sse.Prefetch1(next + (3 * Line));
    }
}
