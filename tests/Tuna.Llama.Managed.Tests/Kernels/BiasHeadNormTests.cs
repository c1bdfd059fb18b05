using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Kernels;

/// <summary>The kernels that only some families need, against scalar references in double precision.</summary>
public sealed unsafe class BiasHeadNormTests : IDisposable
{
    private const double Epsilon = 1e-5f;
    private readonly WorkerPool _pool = new(2);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(9, 16)]
    [InlineData(33, 33)]
    [InlineData(700, 100)]
    public void Bias_ForwardAndBackward_MatchTheReference(int rows, int width)
    {
        using var y = new TestMatrix(rows, width, 1, extraStride: 3);
        using var bias = new TestMatrix(1, width, 2);
        double[,] expected = y.ToDoubles(), sums = bias.ToDoubles();
        for (int t = 0; t < rows; t++)
        {
            for (int i = 0; i < width; i++)
            {
                sums[0, i] += expected[t, i];
                expected[t, i] += bias[0, i];
            }
        }

        using TestMatrix dy = TestMatrix.Copy(y, transposed: false, extraStride: 1);
        Bias.Forward(_pool, y.Matrix, bias.Data);
        y.AssertClose(expected, 1e-6);
        Bias.Backward(_pool, dy.Matrix, bias.Data);
        bias.AssertClose(sums, 1e-5);
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(3, 5, 6)]
    [InlineData(9, 2, 16)]
    [InlineData(40, 3, 34)]
    [InlineData(300, 8, 64)]
    public void HeadNorm_ForwardAndBackward_MatchTheReference(int rows, int heads, int dimension)
    {
        using var x = new TestMatrix(rows, heads * dimension, 1, extraStride: 5);
        using var w = new TestMatrix(1, dimension, 2);
        using var y = new TestMatrix(rows, heads * dimension, 3);
        using var dy = new TestMatrix(rows, heads * dimension, 4, extraStride: 2);
        using var dw = new TestMatrix(1, dimension, 5);
        double[,] xs = x.ToDoubles(), gs = dy.ToDoubles(), expected = y.ToDoubles(), expectedDx = dy.ToDoubles(),
            expectedDw = dw.ToDoubles();
        for (int t = 0; t < rows; t++)
        {
            for (int h = 0; h < heads * dimension; h += dimension)
            {
                double square = 0, mean = 0;
                for (int i = 0; i < dimension; i++)
                    square += xs[t, h + i] * xs[t, h + i];
                double inverse = 1 / Math.Sqrt((square / dimension) + Epsilon);
                for (int i = 0; i < dimension; i++)
                    mean += gs[t, h + i] * w[0, i] * xs[t, h + i] * inverse / dimension;
                for (int i = 0; i < dimension; i++)
                {
                    expected[t, h + i] = xs[t, h + i] * inverse * w[0, i];
                    expectedDw[0, i] += gs[t, h + i] * xs[t, h + i] * inverse;
                    expectedDx[t, h + i] = inverse * ((gs[t, h + i] * w[0, i]) - (xs[t, h + i] * inverse * mean));
                }
            }
        }

        HeadNorm.Forward(_pool, x.Matrix, w.Data, dimension, (float)Epsilon, y.Matrix);
        y.AssertClose(expected, 1e-6);
        HeadNorm.Backward(_pool, x.Matrix, w.Data, dimension, (float)Epsilon, dy.Matrix, dw.Data);
        dy.AssertClose(expectedDx, 2e-6);
        dw.AssertClose(expectedDw, 5e-6);
        HeadNorm.Forward(_pool, x.Matrix, w.Data, dimension, (float)Epsilon, x.Matrix);
        x.AssertClose(expected, 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Backward_OtherNumbersOfWorkers_GiveTheSameBits(int workers)
    {
        using var pool = new WorkerPool(workers);
        using TestMatrix x = new(400, 6 * 32, 1), w = new(1, 32, 2);
        List<float[]> results = [];
        foreach (WorkerPool each in (WorkerPool[])[_pool, pool])
        {
            using TestMatrix dy = new(400, 6 * 32, 3), dw = new(1, 32, 4), dBias = new(1, 6 * 32, 5);
            HeadNorm.Backward(each, x.Matrix, w.Data, 32, 1e-6f, dy.Matrix, dw.Data);
            Bias.Backward(each, dy.Matrix, dBias.Data);
            results.Add([.. dw.Matrix.RowSpan(0), .. dBias.Matrix.RowSpan(0)]);
        }

        Assert.Equal(results[0], results[1]);
    }
}
