using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed class GemmTests : IDisposable
{
    private readonly WorkerPool _pool = new(2);

    // Around the tiles' edges (4, 6, 8, 12, 16, 32), around the depth of a block (320) and its rows, and single rows and columns.
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 1, 33, 7 }, { 3, 5, 2 }, { 4, 4, 4 }, { 5, 7, 17 }, { 6, 16, 9 }, { 7, 15, 31 }, { 11, 31, 33 }, { 12, 32, 64 },
            { 13, 33, 65 },
        { 24, 64, 319 }, { 25, 65, 321 }, { 96, 48, 130 }, { 37, 300, 641 }, { 500, 3, 20 }, { 430, 40, 330 }, { 2, 2100, 50 },
    };

    public void Dispose() => _pool.Dispose();

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Multiply_EveryKernelAndOrientation_MatchesDoublePrecision(int m, int n, int k)
    {
        using var a = new TestMatrix(m, k, 1);
        using var b = new TestMatrix(k, n, 2);
        double[,] product = Product(a.ToDoubles(), b.ToDoubles());
        foreach (bool transposeA in (bool[])[false, true])
        {
            foreach (bool transposeB in (bool[])[false, true])
            {
                using TestMatrix left = TestMatrix.Copy(a, transposeA, 3), right = TestMatrix.Copy(b, transposeB, 1);
                foreach (Update update in Enum.GetValues<Update>())
                {
                    Check<Avx512MicroKernel>(left, transposeA, right, transposeB, product, update);
                    Check<Avx2MicroKernel>(left, transposeA, right, transposeB, product, update);
                    Check<Vector128MicroKernel>(left, transposeA, right, transposeB, product, update);
                    Check<ScalarMicroKernel>(left, transposeA, right, transposeB, product, update);
                }
            }
        }
    }

    [Fact]
    public void Multiply_RowsOfALargerProduct_HaveTheSameBits()
    {
        using var a = new TestMatrix(100, 400, 1);
        using var b = new TestMatrix(70, 400, 2);
        using var all = new TestMatrix(100, 70, 3);
        using var part = new TestMatrix(17, 70, 4);
        Gemm.Multiply(_pool, a.Matrix, b.Matrix.T, all.Matrix, Update.Set);
        Gemm.Multiply(_pool, a.Matrix.SliceRows(31, 17), b.Matrix.T, part.Matrix, Update.Set);
        for (int i = 0; i < 17; i++)
            Assert.True(all.Matrix.RowSpan(31 + i).SequenceEqual(part.Matrix.RowSpan(i)));
    }

    [Fact]
    public void Multiply_ColumnsOfALargerProduct_HaveTheSameBits()
    {
        // In the larger one they lie in the middle of whole tiles, alone in tiles of every width up to two.
        using var a = new TestMatrix(25, 400, 1);
        using var b = new TestMatrix(100, 400, 2);
        using var all = new TestMatrix(25, 100, 3);
        Gemm.Multiply(_pool, a.Matrix, b.Matrix.T, all.Matrix, Update.Set);
        for (int n = 1; n <= 64; n++)
        {
            using var part = new TestMatrix(25, n, 4);
            Gemm.Multiply(_pool, a.Matrix, b.Matrix.SliceRows(7, n).T, part.Matrix, Update.Set);
            for (int i = 0; i < 25; i++)
                Assert.True(all.Matrix.RowSpan(i).Slice(7, n).SequenceEqual(part.Matrix.RowSpan(i)));
        }
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(5, 0)]
    [InlineData(39, 0)]
    [InlineData(40, 7)]
    [InlineData(96, 96)]
    [InlineData(53, 400)]
    [InlineData(350, 0)]
    public void MultiplyOnWorker_UnderACausalMask_HasTheSameBits(int queries, int offset)
    {
        CheckMask<Avx512MicroKernel>(queries, offset);
        CheckMask<Avx2MicroKernel>(queries, offset);
        CheckMask<Vector128MicroKernel>(queries, offset);
        CheckMask<ScalarMicroKernel>(queries, offset);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void Multiply_OtherNumbersOfWorkers_GiveTheSameBits(int workers)
    {
        using var pool = new WorkerPool(workers);
        using var a = new TestMatrix(150, 700, 1);
        using var b = new TestMatrix(700, 90, 2);
        using var expected = new TestMatrix(150, 90, 3);
        using var actual = new TestMatrix(150, 90, 3);
        Gemm.Multiply(_pool, a.Matrix, b.Matrix, expected.Matrix, Update.Add);
        Gemm.Multiply(pool, a.Matrix, b.Matrix, actual.Matrix, Update.Add);
        for (int i = 0; i < 150; i++)
            Assert.True(expected.Matrix.RowSpan(i).SequenceEqual(actual.Matrix.RowSpan(i)));
    }

    [Fact]
    public void Multiply_ShapesThatDoNotFit_Throws()
    {
        using var a = new TestMatrix(3, 4, 1);
        using var b = new TestMatrix(5, 6, 2);
        using var c = new TestMatrix(3, 6, 3);
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(_pool, a.Matrix, b.Matrix, c.Matrix, Update.Set));
    }

    private void CheckMask<TKernel>(int queries, int offset)
        where TKernel : struct, IMicroKernel
    {
        if (!TKernel.IsSupported)
            return;
        int keys = offset + queries;
        using TestMatrix q = new(queries, 20, 1), k = new(keys, 20, 2), p = new(queries, keys, 3);
        for (int i = 0; i < queries; i++)
            p.Matrix.RowSpan(i)[(offset + i + 1)..].Clear();
        foreach (Update update in Enum.GetValues<Update>())
        {
            Same(q, false, k, true, CausalMaskKind.Product, (i, j) => j <= i + offset);
            Same(p, false, k, false, CausalMaskKind.Left, (_, _) => true);
            Same(p, true, q, false, CausalMaskKind.LeftTransposed, (_, _) => true);

            void Same(TestMatrix a, bool transposeA, TestMatrix b, bool transposeB, CausalMaskKind kind, Func<int, int, bool> visible)
            {
                int m = transposeA ? keys : queries, n = transposeB ? keys : 20;
                using TestMatrix expected = new(m, n, 5), actual = new(m, n, 5);
                Gemm.MultiplyOnWorker<TKernel>(_pool, 0, new Operand(a.Matrix, transposeA), new Operand(b.Matrix, transposeB),
                    expected.Matrix, update, default);
                Gemm.MultiplyOnWorker<TKernel>(_pool, 0, new Operand(a.Matrix, transposeA), new Operand(b.Matrix, transposeB),
                    actual.Matrix, update, new CausalMask(kind, offset));
                for (int i = 0; i < m; i++)
                {
                    for (int j = 0; j < n; j++)
                        Assert.True(!visible(i, j) || expected[i, j] == actual[i, j],
                            $"{typeof(TKernel).Name} {kind} [{i}, {j}]: {expected[i, j]}, {actual[i, j]}");
                }
            }
        }
    }

    private void Check<TKernel>(TestMatrix a, bool transposeA, TestMatrix b, bool transposeB, double[,] product, Update update)
        where TKernel : struct, IMicroKernel
    {
        if (!TKernel.IsSupported)
            return;
        using var c = new TestMatrix(product.GetLength(0), product.GetLength(1), 3, 5);
        var expected = (double[,])product.Clone();
        for (int i = 0; update == Update.Add && i < c.Matrix.Rows; i++)
        {
            for (int j = 0; j < c.Matrix.Columns; j++)
                expected[i, j] += c[i, j];
        }

        Gemm.Multiply<TKernel>(_pool, new Operand(a.Matrix, transposeA), new Operand(b.Matrix, transposeB), c.Matrix, update);
        // Rounding of a sum of k products of size 1 grows like sqrt(k) * 6e-8; the largest entry like sqrt(k) as well.
        c.AssertClose(expected, 1e-5);
    }

    private static double[,] Product(double[,] a, double[,] b)
    {
        int m = a.GetLength(0), k = a.GetLength(1), n = b.GetLength(1);
        var c = new double[m, n];
        for (int i = 0; i < m; i++)
        {
            for (int p = 0; p < k; p++)
            {
                double x = a[i, p];
                for (int j = 0; j < n; j++)
                    c[i, j] += x * b[p, j];
            }
        }

        return c;
    }
}
