using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>bfloat16 in pairs: word i of a block has weight i in its lower half and weight 16 + i in its upper, so that a shift and a mask
/// make two vectors of one. The last block is filled up with zeros.</summary>
internal readonly unsafe struct BFloat16Format : IWeightFormat
{
    private const uint Upper = 0xFFFF_0000;

    public static int BlockBytes => IWeightFormat.Block * sizeof(ushort);

    public static long RowBytes(int columns) => ((long)columns + IWeightFormat.Block - 1) / IWeightFormat.Block * BlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Low(byte* block) => (Vector512.Load((uint*)block) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> High(byte* block) => (Vector512.Load((uint*)block) & Vector512.Create(Upper)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Low(byte* block, int i) => (Vector.Load((uint*)block + i) << 16).As<uint, float>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> High(byte* block, int i) => (Vector.Load((uint*)block + i) & new Vector<uint>(Upper)).As<uint, float>();

    public static float At(byte* row, int k)
    {
        uint word = ((uint*)row)[(k / IWeightFormat.Block * 16) + (k % 16)];
        return BitConverter.UInt32BitsToSingle(k % IWeightFormat.Block < 16 ? word << 16 : word & Upper);
    }
}
