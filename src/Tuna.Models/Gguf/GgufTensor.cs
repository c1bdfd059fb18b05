using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Tuna.Models.Checkpoints;

namespace Tuna.Models.Gguf;

/// <summary>A matrix of weights in one of ggml's types.</summary>
internal static class GgufTensor
{
    private const int Block = 32;
    private const int BlockBytes = 34;

    /// <summary>ggml's number of the type in which a tensor is stored, and its bytes.</summary>
    public static (uint Type, long Bytes) Layout(GgufPrecision precision, IReadOnlyList<long> shape)
    {
        long count = shape.Aggregate(1L, (a, b) => a * b);
        return Of(precision, shape) switch
        {
            GgufPrecision.F32 => (0, 4 * count),
            GgufPrecision.F16 => (1, 2 * count),
            GgufPrecision.BF16 => (30, 2 * count),
            _ => (8, count / Block * BlockBytes),
        };
    }

    public static void Write(Stream stream, GgufPrecision precision, IReadOnlyList<long> shape, ReadOnlySpan<float> values)
    {
        switch (Of(precision, shape))
        {
            case GgufPrecision.F32:
                stream.Write(MemoryMarshal.AsBytes(values));
                return;
            case GgufPrecision.Q8:
                Quantized(stream, values);
                return;
            case var half:
                ushort[] bits = new ushort[Math.Min(values.Length, 1 << 16)];
                for (int at = 0; at < values.Length; at += bits.Length)
                {
                    ReadOnlySpan<float> part = values.Slice(at, Math.Min(bits.Length, values.Length - at));
                    if (half == GgufPrecision.BF16)
                        FloatConversion.ToBFloat16(part, bits.AsSpan(0, part.Length));
                    else
                        Halves(part, bits);
                    stream.Write(MemoryMarshal.AsBytes(bits.AsSpan(0, part.Length)));
                }

                return;
        }
    }

    // Vectors stay single precision, as llama.cpp keeps them; rows must be whole blocks.
    private static GgufPrecision Of(GgufPrecision precision, IReadOnlyList<long> shape) =>
        shape.Count == 1 ? GgufPrecision.F32 : precision == GgufPrecision.Q8 && shape[^1] % Block != 0 ? GgufPrecision.F16 : precision;

    private static void Halves(ReadOnlySpan<float> values, Span<ushort> bits)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Half half = (Half)values[i];
            if (Half.IsInfinity(half) && float.IsFinite(values[i]))
                throw new InvalidDataException($"The weight {values[i]} is beyond half precision; export as BF16 or F32.");
            bits[i] = BitConverter.HalfToUInt16Bits(half);
        }
    }

    // ggml's quantize_row_q8_0: the scale is the largest magnitude over 127, in half precision.
    private static void Quantized(Stream stream, ReadOnlySpan<float> values)
    {
        Span<byte> block = stackalloc byte[BlockBytes];
        for (int at = 0; at < values.Length; at += Block)
        {
            ReadOnlySpan<float> part = values.Slice(at, Block);
            float most = 0;
            foreach (float value in part)
                most = Math.Max(most, Math.Abs(value));
            float scale = most / 127;
            float inverse = scale == 0 ? 0 : 1 / scale;
            BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
            for (int i = 0; i < Block; i++)
                block[2 + i] = unchecked((byte)(sbyte)MathF.Round(part[i] * inverse, MidpointRounding.AwayFromZero));
            stream.Write(block);
        }
    }
}
