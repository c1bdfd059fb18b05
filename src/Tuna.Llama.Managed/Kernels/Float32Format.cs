using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Single precision, one weight after the other.</summary>
internal readonly unsafe struct Float32Format : IWeightFormat
{
    public static int BlockBytes => IWeightFormat.Block * sizeof(float);

    public static long RowBytes(int columns) => (long)columns * sizeof(float);

    /// <summary>A matrix as weights.</summary>
    public static WeightRows<Float32Format> Rows(in Matrix matrix) =>
        new((nint)matrix.Data, matrix.Rows, matrix.Columns, (long)matrix.Stride * sizeof(float));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Low(byte* block) => Vector512.Load((float*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> High(byte* block) => Vector512.Load((float*)block + 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Low(byte* block, int i) => Vector.Load((float*)block + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> High(byte* block, int i) => Vector.Load((float*)block + 16 + i);

    public static float At(byte* row, int k) => ((float*)row)[k];
}
