using System.Runtime.InteropServices;
using Tuna.Llama.Managed.Kernels;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Kernels;

/// <summary>The row-wise kernels against scalar references in double precision, which are also differentiated numerically.</summary>
public sealed unsafe class NormRopeSwiGluTests : IDisposable
{
    private readonly WorkerPool _pool = new(2);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(9, 16)]
    [InlineData(33, 33)]
    [InlineData(20, 288)]
    public void RmsNorm_ForwardAndBackward_MatchTheReference(int rows, int width)
    {
        using var x = new TestMatrix(rows, width, 1);
        using var w = new TestMatrix(1, width, 2);
        using var dy = new TestMatrix(rows, width, 3);
        using var y = new TestMatrix(rows, width, 4);
        using var dx = new TestMatrix(rows, width, 5);
        using var dw = new TestMatrix(1, width, 6);
        using var inverse = new TestMatrix(rows, 1, 7);
        double[,] dxBefore = dx.ToDoubles(), dwBefore = dw.ToDoubles(), xs = x.ToDoubles(), ws = w.ToDoubles(), gs = dy.ToDoubles();

        RmsNorm.Forward(_pool, x.Matrix, w.Data, 1e-5f, y.Matrix, inverse.Data);
        y.AssertClose(NormReference(xs, ws), 1e-6);
        float[] first = y.Matrix.RowSpan(0).ToArray();
        RmsNorm.Recompute(_pool, x.Matrix, w.Data, inverse.Data, y.Matrix);
        Assert.True(y.Matrix.RowSpan(0).SequenceEqual(first));

        RmsNorm.Backward(_pool, x.Matrix, w.Data, inverse.Data, dy.Matrix, dx.Matrix, dw.Data);
        double[,] expectedDx = Numeric(xs, () => Inner(NormReference(xs, ws), gs)),
            expectedDw = Numeric(ws, () => Inner(NormReference(xs, ws), gs));
        Add(expectedDx, dxBefore);
        Add(expectedDw, dwBefore);
        dx.AssertClose(expectedDx, 2e-6);
        dw.AssertClose(expectedDw, 2e-6);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 7)]
    [InlineData(3, 16)]
    [InlineData(4, 33)]
    public void SwiGlu_ForwardAndBackward_MatchTheReference(int rows, int width)
    {
        using var gateUp = new TestMatrix(rows, 2 * width, 1, scale: 3);
        using var h = new TestMatrix(rows, width, 2);
        using var dh = new TestMatrix(rows, width, 3);
        double[,] inputs = gateUp.ToDoubles(), gs = dh.ToDoubles();
        SwiGlu.Forward(_pool, gateUp.Matrix, h.Matrix);
        h.AssertClose(SwiGluReference(inputs), 1e-6);

        SwiGlu.Backward(_pool, gateUp.Matrix, dh.Matrix);
        double[,] recomputed = SwiGluReference(inputs);
        gateUp.AssertClose(Numeric(inputs, () => Inner(SwiGluReference(inputs), gs)), 2e-6);
        dh.AssertClose(recomputed, 1e-6);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(8, 3)]
    [InlineData(16, 2)]
    [InlineData(48, 2)]
    public void Rope_ForwardThenBackward_MatchesTheReferenceAndComesBack(int dimension, int heads)
    {
        double[] frequencies = new Llama3RopeScaling(8, 1, 4, 256).Frequencies(500000, dimension);
        using var rope = new Rope(frequencies, 1.25);
        int[] positions = [0, 1, 5, 100, 99, 2000];
        rope.Ensure(2001);
        using var x = new TestMatrix(positions.Length, heads * dimension, 1, 3);
        double[,] before = x.ToDoubles(), expected = x.ToDoubles();
        for (int t = 0; t < positions.Length; t++)
        {
            for (int h = 0; h < heads; h++)
            {
                for (int i = 0; i < dimension / 2; i++)
                {
                    double angle = positions[t] * frequencies[i];
                    int a = (h * dimension) + i, b = a + (dimension / 2);
                    expected[t, a] = 1.25 * ((before[t, a] * Math.Cos(angle)) - (before[t, b] * Math.Sin(angle)));
                    expected[t, b] = 1.25 * ((before[t, b] * Math.Cos(angle)) + (before[t, a] * Math.Sin(angle)));
                }
            }
        }

        rope.Forward(_pool, x.Matrix, positions);
        x.AssertClose(expected, 1e-6);
        rope.Backward(_pool, x.Matrix, positions); // the transpose: it turns back and scales once more
        foreach (ref double value in MemoryMarshal.CreateSpan(ref before[0, 0], before.Length))
            value *= 1.25 * 1.25;
        x.AssertClose(before, 1e-6);
    }

    [Fact]
    public void Embedding_ForwardAndBackward_GatherAndSum()
    {
        int[] tokens = [3, 0, 3, 1];
        using var table = new TestMatrix(5, 70, 1);
        using var x = new TestMatrix(4, 70, 2);
        double[,] before = table.ToDoubles(), dx = x.ToDoubles();
        Embedding.Backward(_pool, tokens, x.Matrix, table.Matrix);
        for (int t = 0; t < 4; t++)
        {
            for (int j = 0; j < 70; j++)
                before[tokens[t], j] += dx[t, j];
        }

        table.AssertClose(before, 1e-6);
        Embedding.Forward(_pool, tokens, table.Matrix, x.Matrix);
        Assert.True(x.Matrix.RowSpan(2).SequenceEqual(table.Matrix.RowSpan(3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Embedding.Forward(_pool, (int[])[3, 0, 5, 1], table.Matrix, x.Matrix));
    }

    private static double[,] NormReference(double[,] x, double[,] w)
    {
        int rows = x.GetLength(0), width = x.GetLength(1);
        var y = new double[rows, width];
        for (int t = 0; t < rows; t++)
        {
            double square = 0;
            for (int i = 0; i < width; i++)
                square += x[t, i] * x[t, i];
            for (int i = 0; i < width; i++)
                y[t, i] = w[0, i] * x[t, i] / Math.Sqrt((square / width) + 1e-5f);
        }

        return y;
    }

    private static double[,] SwiGluReference(double[,] gateUp)
    {
        int rows = gateUp.GetLength(0), width = gateUp.GetLength(1) / 2;
        var h = new double[rows, width];
        for (int t = 0; t < rows; t++)
        {
            for (int i = 0; i < width; i++)
                h[t, i] = gateUp[t, i] / (1 + Math.Exp(-gateUp[t, i])) * gateUp[t, width + i];
        }

        return h;
    }

    private static double Inner(double[,] a, double[,] b)
    {
        double sum = 0;
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                sum += a[i, j] * b[i, j];
        }

        return sum;
    }

    private static void Add(double[,] a, double[,] b)
    {
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                a[i, j] += b[i, j];
        }
    }

    /// <summary>Central differences of f in every entry of x: exact to about 1e-9 in double precision.</summary>
    private static double[,] Numeric(double[,] x, Func<double> f)
    {
        const double H = 1e-5;
        var gradient = new double[x.GetLength(0), x.GetLength(1)];
        for (int i = 0; i < x.GetLength(0); i++)
        {
            for (int j = 0; j < x.GetLength(1); j++)
            {
                double kept = x[i, j];
                x[i, j] = kept + H;
                double up = f();
                x[i, j] = kept - H;
                double down = f();
                x[i, j] = kept;
                gradient[i, j] = (up - down) / (2 * H);
            }
        }

        return gradient;
    }
}
