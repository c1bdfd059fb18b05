using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed class DotRowsTests : IDisposable
{
    private readonly WorkerPool _pool = new(3);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 5, 15)]
    [InlineData(2, 4, 16)]
    [InlineData(3, 7, 17)]
    [InlineData(4, 9, 33)]
    [InlineData(5, 130, 288)]
    [InlineData(9, 1031, 100)]
    [InlineData(8, 6, 769)]
    [InlineData(13, 11, 1700)]
    public void Multiply_EveryTile_MatchesDoublePrecision(int m, int n, int k)
    {
        Check<Avx512DotTile>(m, n, k, Update.Set);
        Check<PortableDotTile>(m, n, k, Update.Set);
        Check<Avx512DotTile>(m, n, k, Update.Add);
        Check<PortableDotTile>(m, n, k, Update.Add);
    }

    [Fact]
    public void Multiply_OneRowOfMany_HasTheSameBits()
    {
        // Blocks of eight, of four and of one row of A, two parts of a row of B, whole and part groups of four rows of B.
        const int Rows = 14;
        using var a = new TestMatrix(Rows, 901, 1);
        using var b = new TestMatrix(50, 901, 2);
        using var all = new TestMatrix(Rows, 50, 3);
        using var one = new TestMatrix(1, 50, 4);
        DotRows.Multiply(_pool, a.Matrix, b.Matrix, all.Matrix, Update.Set);
        for (int i = 0; i < Rows; i++)
        {
            DotRows.Multiply(_pool, a.Matrix.SliceRows(i, 1), b.Matrix, one.Matrix, Update.Set);
            Assert.True(all.Matrix.RowSpan(i).SequenceEqual(one.Matrix.RowSpan(0)));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 15)]
    [InlineData(4, 16)]
    [InlineData(7, 31)]
    [InlineData(9, 32)]
    [InlineData(6, 48)]
    [InlineData(130, 288)]
    [InlineData(1031, 100)]
    [InlineData(6, 769)]
    [InlineData(11, 1376)]
    [InlineData(11, 1703)]
    public void Multiply_BFloat16WeightsInEitherFormat_HasTheSameBits(int n, int k)
    {
        using var b = new TestMatrix(n, k, 2, 3);
        BFloat16CopyTests.Truncate(b);
        using var copied = new BFloat16CopyTests.Copied(_pool, b.Matrix, exactOnly: true);
        Assert.True(copied.Whole);
        for (int m = 1; m <= 9; m++)
        {
            using var a = new TestMatrix(m, k, 1, 2);
            CheckFormats<Avx512DotTile>(a, b, copied);
            CheckFormats<PortableDotTile>(a, b, copied);
        }
    }

    private void CheckFormats<TTile>(TestMatrix a, TestMatrix b, BFloat16CopyTests.Copied copied)
        where TTile : struct, IDotTile
    {
        if (!TTile.IsSupported)
            return;
        int m = a.Matrix.Rows, n = b.Matrix.Rows;
        using var expected = new TestMatrix(m, n, 3, 1);
        using var actual = new TestMatrix(m, n, 3, 1);
        foreach (Update update in Enum.GetValues<Update>())
        {
            DotRows.Multiply<TTile, Float32Format>(_pool, a.Matrix, Float32Format.Rows(b.Matrix), expected.Matrix, update);
            DotRows.Multiply<TTile, BFloat16Format>(_pool, a.Matrix, copied.Rows, actual.Matrix, update);
            for (int i = 0; i < m; i++)
                Assert.True(expected.Matrix.RowSpan(i).SequenceEqual(actual.Matrix.RowSpan(i)));
            actual.AssertGuards();
        }
    }

    private void Check<TTile>(int m, int n, int k, Update update)
        where TTile : struct, IDotTile
    {
        if (!TTile.IsSupported)
            return;
        using var a = new TestMatrix(m, k, 1, 2);
        using var b = new TestMatrix(n, k, 2);
        using var c = new TestMatrix(m, n, 3, 1);
        double[,] expected = update == Update.Add ? c.ToDoubles() : new double[m, n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int p = 0; p < k; p++)
                    expected[i, j] += (double)a[i, p] * b[j, p];
            }
        }

        DotRows.Multiply<TTile, Float32Format>(_pool, a.Matrix, Float32Format.Rows(b.Matrix), c.Matrix, update);
        c.AssertClose(expected, 1e-5);
    }
}
