using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tuna.Models.Checkpoints;

/// <summary>Conversions between singles and the 16-bit types of checkpoints. Narrowing rounds to nearest, ties to even; NaN stays
/// NaN.</summary>
public static unsafe class FloatConversion
{
    // From here on the output, half a megabyte, would only push other things out of the cache.
    private const int LargeCount = 1 << 17;

    /// <summary>Widens bfloat16 bit patterns to singles, exactly.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a checkpoint is loaded once: there is no second call that finds better code
    public static void FromBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Check(source.Length, destination.Length);
        int i = 0;
        fixed (ushort* from = source)
        fixed (float* to = destination)
        {
            uint* bits = (uint*)to;
            if (Vector256.IsHardwareAccelerated)
            {
                bool large = source.Length >= LargeCount;
                for (; large && i < source.Length && (nuint)(bits + i) % (nuint)sizeof(Vector256<uint>) != 0; i++)
                    bits[i] = (uint)from[i] << 16;

                // 16 lanes in, two vectors of 8 out: zero-extend, then move the pattern to the upper half.
                for (; i <= source.Length - 16; i += 16)
                {
                    (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(from + i));
                    if (large)
                    {
                        // Past the cache: lines that are written as a whole need not be read first.
                        (low << 16).StoreAlignedNonTemporal(bits + i);
                        (high << 16).StoreAlignedNonTemporal(bits + i + 8);
                    }
                    else
                    {
                        (low << 16).Store(bits + i);
                        (high << 16).Store(bits + i + 8);
                    }
                }

                if (large)
                    Interlocked.MemoryBarrier(); // such stores are not ordered with the others
            }

            for (; i < source.Length; i++)
                bits[i] = (uint)from[i] << 16;
        }
    }

    /// <summary>Rounds singles to bfloat16 bit patterns.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public static void ToBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        Check(source.Length, destination.Length);
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(source);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= source.Length - 16; i += 16)
            {
                Vector256<uint> low = Round(Vector256.Create(bits.Slice(i, 8)));
                Vector256<uint> high = Round(Vector256.Create(bits.Slice(i + 8, 8)));
                Vector256.Narrow(low, high).CopyTo(destination[i..]);
            }
        }
        for (; i < source.Length; i++)
            destination[i] = ToBFloat16(source[i]);
    }

    /// <summary>Rounds one single to a bfloat16 bit pattern.</summary>
    public static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40); // quiet, so that a NaN whose payload sits in the lower half does not become infinity
        // Adding just under half a unit, plus one when the kept part is odd, carries exactly when rounding to even goes up.
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Widens half-precision values to singles, exactly.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public static void FromHalf(ReadOnlySpan<Half> source, Span<float> destination)
    {
        Check(source.Length, destination.Length);
        TensorPrimitives.ConvertToSingle(source, destination);
    }

    /// <summary>Rounds singles to half precision; what is too large becomes infinity.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public static void ToHalf(ReadOnlySpan<float> source, Span<Half> destination)
    {
        Check(source.Length, destination.Length);
        TensorPrimitives.ConvertToHalf(source, destination);
    }

    /// <summary>Converts stored little-endian elements of any type to singles (64-bit integers and doubles are rounded).</summary>
    internal static void Widen(TensorDType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case TensorDType.F32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case TensorDType.BF16:
                FromBFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case TensorDType.F16:
                FromHalf(MemoryMarshal.Cast<byte, Half>(source), destination);
                break;
            default:
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = (float)ToDouble(type, source[(i * type.Size())..]);
                break;
        }
    }

    /// <summary>Converts singles to a stored floating-point type.</summary>
    internal static void Narrow(TensorDType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (type)
        {
            case TensorDType.F32:
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case TensorDType.BF16:
                ToBFloat16(source, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            case TensorDType.F16:
                ToHalf(source, MemoryMarshal.Cast<byte, Half>(destination));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "Singles are stored as F32, BF16 or F16.");
        }
    }

    private static double ToDouble(TensorDType type, ReadOnlySpan<byte> at) => type switch
    {
        TensorDType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(at),
        TensorDType.I64 => BinaryPrimitives.ReadInt64LittleEndian(at),
        TensorDType.U64 => BinaryPrimitives.ReadUInt64LittleEndian(at),
        TensorDType.I32 => BinaryPrimitives.ReadInt32LittleEndian(at),
        TensorDType.U32 => BinaryPrimitives.ReadUInt32LittleEndian(at),
        TensorDType.I16 => BinaryPrimitives.ReadInt16LittleEndian(at),
        TensorDType.U16 => BinaryPrimitives.ReadUInt16LittleEndian(at),
        TensorDType.I8 => (sbyte)at[0],
        _ => at[0],
    };

    private static Vector256<uint> Round(Vector256<uint> bits)
    {
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
        Vector256<float> values = bits.AsSingle();
        Vector256<uint> number = Vector256.Equals(values, values).AsUInt32(); // all ones where not NaN
        return Vector256.ConditionalSelect(number, rounded, (bits >> 16) | Vector256.Create(0x40u));
    }

    private static void Check(int source, int destination)
    {
        if (source != destination)
            throw new ArgumentException($"The source has {source} elements, the destination {destination}.");
    }
}
