using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed unsafe class Int8RowsTests : IDisposable
{
    private readonly WorkerPool _pool = new(3);
    private readonly NativeBuffer _copy = new(), _rounded = new();

    public void Dispose()
    {
        _pool.Dispose();
        _copy.Dispose();
        _rounded.Dispose();
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 5, 15)]
    [InlineData(2, 4, 32)]
    [InlineData(4, 9, 33)]
    [InlineData(5, 1030, 288)]
    [InlineData(9, 131, 1376)]
    public void Multiply_AnyShape_IsTheProductOfTheRoundedRows(int m, int n, int k)
    {
        using var a = new TestMatrix(m, k, 1, 2);
        using var b = new TestMatrix(n, k, 2, 3);
        using var c = new TestMatrix(m, n, 3, 1);
        Int8Matrix copy = Copy(b.Matrix);
        foreach (Update update in Enum.GetValues<Update>())
        {
            double[,] expected = update == Update.Add ? c.ToDoubles() : new double[m, n];
            for (int i = 0; i < m; i++)
            {
                double unit = Largest(a.Matrix.RowSpan(i)) / Int8Copy.Largest16;
                for (int j = 0; j < n; j++)
                {
                    for (int p = 0; p < k; p++)
                        expected[i, j] += Math.Round(a[i, p] / unit) * unit * copy.Row(j)[p] * copy.Scales[j];
                }
            }

            Int8Rows.Multiply(_pool, a.Matrix, _rounded, copy, c.Matrix, update);
            c.AssertClose(expected, 1e-3);
            c.AssertGuards();
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 31)]
    [InlineData(200, 49)]
    [InlineData(7, 96)]
    public void Make_AnyWidth_RoundsToTheNearestAndPutsZerosBehind(int rows, int columns)
    {
        using var source = new TestMatrix(rows, columns, 1, 2);
        source[0, 0] = 0;
        new Span<float>(source.Matrix.Row(rows - 1), columns).Clear(); // a row of nothing
        Int8Matrix copy = Copy(source.Matrix);
        for (int i = 0; i < rows; i++)
        {
            Assert.Equal(Largest(source.Matrix.RowSpan(i)) / 127, copy.Scales[i]);
            for (int k = 0; k < copy.Stride; k++)
            {
                double exact = k < columns && copy.Scales[i] > 0 ? source[i, k] / (double)copy.Scales[i] : 0;
                Assert.InRange(copy.Row(i)[k], exact - 0.5001, exact + 0.5001);
            }
        }

        for (int i = 0; i < 16; i++)
            Assert.Equal(7.25f, _copy.Pointer[Int8Matrix.Floats(rows, columns) + i]);
    }

    [Fact]
    public void Multiply_ShapesThatDoNotFit_Throws()
    {
        using var a = new TestMatrix(2, 8, 1);
        using var c = new TestMatrix(2, 4, 1);
        using var b = new TestMatrix(3, 8, 1);
        Assert.Throws<ArgumentException>(() => Int8Rows.Multiply(_pool, a.Matrix, _rounded, Copy(b.Matrix), c.Matrix, Update.Set));
    }

    private static float Largest(ReadOnlySpan<float> row)
    {
        float largest = 0;
        foreach (float x in row)
            largest = Math.Max(largest, Math.Abs(x));
        return largest;
    }

    private Int8Matrix Copy(in Matrix source)
    {
        int floats = (int)Int8Matrix.Floats(source.Rows, source.Columns);
        float* data = _copy.Ensure(floats + 16);
        new Span<float>(data, floats + 16).Fill(7.25f);
        var copy = new Int8Matrix((nint)data, source.Rows, source.Columns);
        Int8Copy.Make(_pool, source, copy);
        return copy;
    }
}
