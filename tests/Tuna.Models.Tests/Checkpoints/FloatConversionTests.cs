using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class FloatConversionTests
{
    [Fact]
    public void BFloat16_EveryPattern_SurvivesTheRoundTrip()
    {
        ushort[] patterns = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        float[] wide = new float[patterns.Length];
        ushort[] back = new ushort[patterns.Length];
        FloatConversion.FromBFloat16(patterns, wide);
        FloatConversion.ToBFloat16(wide, back);
        for (int i = 0; i < patterns.Length; i++)
        {
            if (float.IsNaN(wide[i]))
                Assert.Equal(patterns[i] | 0x40, back[i]);
            else
                Assert.Equal(patterns[i], back[i]);
        }
    }

    [Theory]
    [InlineData(131_071)]
    [InlineData(131_072)] // from here on by other stores, which want their destination aligned
    [InlineData(131_099)]
    public void FromBFloat16_ManyValues_ShiftsEachAndTouchesNothingElse(int count)
    {
        ushort[] source = new ushort[count + 9];
        var rng = new Rng(8);
        foreach (ref ushort v in source.AsSpan())
            v = (ushort)rng.Next(65536);
        for (int offset = 0; offset < 9; offset++)
        {
            float[] wide = new float[count + 18];
            FloatConversion.FromBFloat16(source.AsSpan(offset, count), wide.AsSpan(offset, count));
            Assert.True(wide.AsSpan(0, offset).IndexOfAnyExcept(0f) < 0 && wide.AsSpan(offset + count).IndexOfAnyExcept(0f) < 0);
            for (int i = 0; i < count; i++)
            {
                if (BitConverter.SingleToUInt32Bits(wide[offset + i]) != (uint)source[offset + i] << 16)
                    Assert.Fail($"offset {offset}, element {i}");
            }
        }
    }

    [Fact]
    public void Half_EveryPattern_SurvivesTheRoundTrip()
    {
        Half[] patterns = Enumerable.Range(0, 65536).Select(i => BitConverter.UInt16BitsToHalf((ushort)i)).ToArray();
        float[] wide = new float[patterns.Length];
        Half[] back = new Half[patterns.Length];
        FloatConversion.FromHalf(patterns, wide);
        FloatConversion.ToHalf(wide, back);
        for (int i = 0; i < patterns.Length; i++)
            Assert.True(Half.IsNaN(patterns[i])
                ? Half.IsNaN(back[i]) : BitConverter.HalfToUInt16Bits(patterns[i]) == BitConverter.HalfToUInt16Bits(back[i]));
    }

    [Fact]
    public void ToBFloat16AndToHalf_AnySingle_RoundToNearestTiesToEven()
    {
        var rng = new Rng(1);
        // Lengths around the SIMD widths, so that the vector body and the scalar tail are both met.
        foreach (int length in new[] { 0, 1, 15, 16, 17, 31, 33, 100, 4097 })
        {
            float[] values = new float[length];
            for (int i = 0; i < length; i++)
            {
                uint bits = (uint)rng.NextUInt64();
                bits = (i % 4) switch { 0 => (bits & 0xFFFF0000) | 0x8000, 1 => (bits & 0xFFFF0000) | 0x8001,
                    2 => (bits & 0xFFFF0000) | 0x7FFF, _ => bits };
                values[i] = i % 5 == 0 ? (float)rng.NextGaussian() : BitConverter.UInt32BitsToSingle(bits);
            }
            ushort[] narrow = new ushort[length];
            FloatConversion.ToBFloat16(values, narrow);
            Half[] halves = new Half[length];
            FloatConversion.ToHalf(values, halves);
            for (int i = 0; i < length; i++)
            {
                Assert.Equal(NearestBFloat16(values[i]), narrow[i]);
                Assert.True(float.IsNaN(values[i]) ? Half.IsNaN(halves[i]) : halves[i] == (Half)values[i]);
            }
        }
    }

    /// <summary>By comparison of distances in double, the definition of rounding to nearest.</summary>
    private static ushort NearestBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        ushort down = (ushort)(bits >> 16);
        if (float.IsNaN(value))
            return (ushort)(down | 0x40);
        if (float.IsInfinity(value) || (bits & 0xFFFF) == 0)
            return down;
        ushort up = (ushort)(down + 1);
        // The neighbour above the largest finite number is 2^128, which a single cannot hold but a double can.
        double Wide(ushort p) => (p & 0x7FFF) == 0x7F80
            ? Math.CopySign(Math.Pow(2, 128), value) : BitConverter.UInt32BitsToSingle((uint)p << 16);
        double below = Math.Abs(value - Wide(down)), above = Math.Abs(Wide(up) - value);
        return below < above || (below == above && (down & 1) == 0) ? down : up;
    }

    [Fact]
    public void Conversions_MismatchedSpans_Throw()
    {
        Assert.Throws<ArgumentException>(() => FloatConversion.ToBFloat16(new float[2], new ushort[3]));
        Assert.Throws<ArgumentException>(() => FloatConversion.FromBFloat16(new ushort[2], new float[1]));
        Assert.Throws<ArgumentException>(() => FloatConversion.ToHalf(new float[2], new Half[3]));
        Assert.Throws<ArgumentException>(() => FloatConversion.FromHalf(new Half[2], new float[1]));
    }
}
