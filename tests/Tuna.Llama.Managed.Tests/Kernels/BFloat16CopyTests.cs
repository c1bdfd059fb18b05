using Tuna.Llama.Managed.Kernels;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed unsafe class BFloat16CopyTests : IDisposable
{
    // Numbers whose rounding differs: exact, ties to even both ways, a carry into the exponent, denormal, the largest, an infinity, both
    // kinds of NaN.
    private static readonly uint[] Hard =
        [0x3F80_0000, 0x3F80_8000, 0x3F81_8000, 0x3FFF_FFFF, 0x8000_0001, 0x7F7F_FFFF, 0xFF80_0000, 0x7F80_0001, 0x7FC0_0000, 0xBF80_7FFF,
        0xBF80_8001];

    private readonly WorkerPool _pool = new(3);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 31)]
    [InlineData(5, 32)]
    [InlineData(200, 49)]
    [InlineData(7, 96)]
    public void Make_AnyWidth_HoldsEveryWeightRoundedAndZerosBehind(int rows, int columns)
    {
        using var source = new TestMatrix(rows, columns, 1, 2);
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < columns; k += 2)
                source[i, k] = BitConverter.UInt32BitsToSingle(Hard[(i + k) % Hard.Length]);
        }

        using var copied = new Copied(_pool, source.Matrix, exactOnly: false);
        Assert.True(copied.Whole);
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < BFloat16Format.RowBytes(columns) / sizeof(ushort); k++)
            {
                uint expected = k < columns ? (uint)FloatConversion.ToBFloat16(source[i, k]) << 16 : 0;
                Assert.Equal(expected, BitConverter.SingleToUInt32Bits(BFloat16Format.At(copied.Rows.Row(i), k)));
            }
        }

        copied.AssertGuard();
    }

    [Fact]
    public void Make_ExactOnly_FindsTheOneWeightThatIsNoBFloat16Value()
    {
        using var source = new TestMatrix(150, 75, 1);
        Truncate(source);
        using (var exact = new Copied(_pool, source.Matrix, exactOnly: true))
            Assert.True(exact.Whole);
        foreach ((int row, int column) in ((int, int)[])[(0, 0), (0, 74), (77, 16), (77, 63), (149, 64), (149, 74)])
        {
            float kept = source[row, column];
            source[row, column] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(kept) | 1);
            using var inexact = new Copied(_pool, source.Matrix, exactOnly: true);
            Assert.False(inexact.Whole);
            source[row, column] = kept;
        }
    }

    /// <summary>Cuts weights to bfloat16 values.</summary>
    internal static void Truncate(TestMatrix matrix)
    {
        for (int i = 0; i < matrix.Matrix.Rows; i++)
        {
            for (int k = 0; k < matrix.Matrix.Columns; k++)
                matrix[i, k] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(matrix[i, k]) & 0xFFFF_0000);
        }
    }

    /// <summary>A copy with guards behind it.</summary>
    internal sealed class Copied : IDisposable
    {
        private readonly NativeBuffer _buffer = new();
        private readonly long _floats;

        public Copied(WorkerPool pool, in Matrix source, bool exactOnly)
        {
            _floats = BFloat16Copy.Floats(source.Rows, source.Columns);
            float* data = _buffer.Ensure(_floats + 16);
            new Span<float>(data, (int)_floats + 16).Fill(7.25f);
            Rows = BFloat16Copy.View(data, source.Rows, source.Columns);
            Whole = BFloat16Copy.Make(pool, source, Rows, exactOnly);
        }

        public WeightRows<BFloat16Format> Rows { get; }

        public bool Whole { get; }

        public void AssertGuard()
        {
            for (int i = 0; i < 16; i++)
                Assert.Equal(7.25f, _buffer.Pointer[_floats + i]);
        }

        public void Dispose() => _buffer.Dispose();
    }
}
