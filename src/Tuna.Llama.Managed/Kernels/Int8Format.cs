using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Whole numbers from -127 to 127, one weight after the other, times a scale for each row. The last block is filled up with zeros.</summary>
internal readonly unsafe struct Int8Format : IWeightFormat
{
    public static int BlockBytes => IWeightFormat.Block;

    public static bool HasScales => true;

    public static long RowBytes(int columns) => ((long)columns + IWeightFormat.Block - 1) / IWeightFormat.Block * BlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Low(byte* block) => Sixteen(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> High(byte* block) => Sixteen(block + 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Low(byte* block, int i) => Wide(block + i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> High(byte* block, int i) => Wide(block + 16 + i);

    public static float At(byte* row, int k) => (sbyte)row[k];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sixteen(byte* weights) => Avx512F.IsSupported
        ? Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)weights)))
        : Vector512.Create(Vector256.Create(Four(weights), Four(weights + 4)), Vector256.Create(Four(weights + 8), Four(weights + 12)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Wide(byte* weights)
    {
        if (Vector<float>.Count == 16)
            return Sixteen(weights).AsVector();
        if (Vector<float>.Count == 8)
            return (Avx2.IsSupported ? Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32((sbyte*)weights)) : Vector256.Create(Four(weights), Four(weights + 4))).AsVector();
        return Four(weights).AsVector();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Four(byte* weights) =>
        Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(weights)).AsSByte())));
}
