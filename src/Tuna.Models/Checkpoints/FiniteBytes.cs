using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tuna.Models.Checkpoints;

/// <summary>Looks for NaN and infinity in stored floating-point numbers: those whose exponent is all ones.</summary>
internal static class FiniteBytes
{
    /// <summary>Whether all elements are finite; elements of other types are.</summary>
    public static bool AreFinite(TensorDType type, ReadOnlySpan<byte> bytes) => type switch
    {
        TensorDType.F32 => AllBelow32(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000),
        TensorDType.BF16 => AllBelow16(MemoryMarshal.Cast<byte, ushort>(bytes), 0x7F80),
        TensorDType.F16 => AllBelow16(MemoryMarshal.Cast<byte, ushort>(bytes), 0x7C00),
        _ => true,
    };

    /// <summary>The first element that is not finite, with its value; of a piece that <see cref="AreFinite"/> says has one.</summary>
    public static (int Index, float Value) First(TensorDType type, ReadOnlySpan<byte> bytes)
    {
        float[] values = new float[bytes.Length / type.Size()];
        if (type == TensorDType.F32)
            bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        else
            FloatConversion.Widen(type, bytes, values);
        int at = Array.FindIndex(values, value => !float.IsFinite(value));
        return (at, values[at]);
    }

    private static bool AllBelow32(ReadOnlySpan<uint> values, uint exponent)
    {
        int i = 0;
        var mask = Vector256.Create(exponent);
        for (; i <= values.Length - Vector256<uint>.Count; i += Vector256<uint>.Count)
        {
            if (Vector256.EqualsAny(Vector256.Create(values[i..]) & mask, mask))
                return false;
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent)
                return false;
        }
        return true;
    }

    private static bool AllBelow16(ReadOnlySpan<ushort> values, ushort exponent)
    {
        int i = 0;
        var mask = Vector256.Create(exponent);
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            if (Vector256.EqualsAny(Vector256.Create(values[i..]) & mask, mask))
                return false;
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent)
                return false;
        }
        return true;
    }
}
