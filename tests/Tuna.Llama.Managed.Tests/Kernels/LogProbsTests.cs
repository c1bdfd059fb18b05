using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;
using Tuna.Numerics;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed unsafe class LogProbsTests : IDisposable
{
    private readonly WorkerPool _pool = new(2);
    private readonly NativeBuffer _room = new();

    private float* Room => _room.Ensure(LogProbs.RoomFloats(1030));

    public void Dispose()
    {
        _pool.Dispose();
        _room.Dispose();
    }

    // The vocabulary below, at and above the size of a block (1024); more rows than a block (1024) once.
    [Theory]
    [InlineData(1, 1, 3, 0)]
    [InlineData(5, 60, 8, 0)]
    [InlineData(3, 1024, 5, 0)]
    [InlineData(4, 2050, 6, 0)]
    [InlineData(4, 2050, 6, 1)]
    [InlineData(4, 2050, 6, 3)]
    [InlineData(1030, 20, 3, 0)]
    [InlineData(1030, 20, 3, 1)]
    [InlineData(1030, 1100, 3, 1)]
    public void ForwardAndBackward_MatchTheReference(int rows, int vocabulary, int width, int keptBlocks)
    {
        var kernel = new LogProbs();
        using var memory = new NativeBuffer();
        nint[] kept = [.. Enumerable.Range(0, keptBlocks).Select(b => Place(memory, keptBlocks, b, LogProbs.BlockFloats(rows)))];
        using var x = new TestMatrix(rows, width, 1);
        using var w = new TestMatrix(vocabulary, width, 2, scale: 2);
        using var dx = new TestMatrix(rows, width, 3);
        using var dw = new TestMatrix(vocabulary, width, 4);
        double[,] expectedDx = new double[rows, width], expectedDw = dw.ToDoubles(), xs = x.ToDoubles(), ws = w.ToDoubles();

        // One to three targets a row, some of them equal.
        var rng = new Rng(9);
        var starts = new int[rows + 1];
        for (int u = 0; u < rows; u++)
            starts[u + 1] = starts[u] + 1 + rng.Next(3);
        int[] tokens = [.. Enumerable.Range(0, starts[rows]).Select(_ => rng.Next(vocabulary))];
        double[] coefficients = [.. tokens.Select(_ => rng.NextGaussian())], logProbs = new double[tokens.Length],
            logSum = new double[rows];

        kernel.Forward(_pool, x.Matrix, w.Matrix, starts, tokens, logProbs, logSum, Room, kept);
        kernel.Backward(_pool, x.Matrix, w.Matrix, starts, tokens, coefficients, logSum, dx.Matrix, dw.Matrix, Room, Update.Add);

        for (int u = 0; u < rows; u++)
        {
            var logits = new double[vocabulary];
            for (int v = 0; v < vocabulary; v++)
            {
                for (int i = 0; i < width; i++)
                    logits[v] += xs[u, i] * ws[v, i];
            }

            double max = logits.Max(), lse = max + Math.Log(logits.Sum(l => Math.Exp(l - max)));
            for (int v = 0; v < vocabulary; v++)
            {
                double g = 0;
                for (int e = starts[u]; e < starts[u + 1]; e++)
                    g += coefficients[e] * ((tokens[e] == v ? 1 : 0) - Math.Exp(logits[v] - lse));
                for (int i = 0; i < width; i++)
                {
                    expectedDx[u, i] += g * ws[v, i];
                    expectedDw[v, i] += g * xs[u, i];
                }
            }

            Assert.Equal(lse, logSum[u], 1e-5);
            for (int e = starts[u]; e < starts[u + 1]; e++)
                Assert.Equal(logits[tokens[e]] - lse, logProbs[e], 1e-5);
        }

        dx.AssertClose(expectedDx, 5e-6);
        dw.AssertClose(expectedDw, 5e-6);

        // Again, over what is there: as if it had been zero.
        using var overwritten = new TestMatrix(vocabulary, width, 4);
        using var zero = new TestMatrix(vocabulary, width, 4, scale: 0);
        foreach ((TestMatrix target, Update update) in new[] { (zero, Update.Add), (overwritten, Update.Set) })
        {
            kernel.Forward(_pool, x.Matrix, w.Matrix, starts, tokens, logProbs, logSum, Room, kept);
            kernel.Backward(_pool, x.Matrix, w.Matrix, starts, tokens, coefficients, logSum, dx.Matrix, target.Matrix, Room, update);
        }

        Assert.Equal(zero.ToDoubles(), overwritten.ToDoubles());
    }

    private static nint Place(NativeBuffer memory, int blocks, int block, long floats) =>
        (nint)(memory.Ensure(blocks * floats) + (block * floats));

    [Fact]
    public void Forward_HugeLogits_StaysFinite()
    {
        var kernel = new LogProbs();
        using var x = new TestMatrix(1, 1, 1);
        using var w = new TestMatrix(3, 1, 2);
        x[0, 0] = 1000;
        (w[0, 0], w[1, 0], w[2, 0]) = (1, 1.001f, -50);
        var logProbs = new double[2];
        kernel.Forward(_pool, x.Matrix, w.Matrix, [0, 2], [1, 2], logProbs, new double[1], Room);
        Assert.Equal(-Math.Log(1 + Math.Exp(-1)), logProbs[0], 1e-3);
        Assert.Equal(-51001, logProbs[1], 1.0);
    }

    [Fact]
    public void Forward_TargetOutsideTheVocabulary_Throws()
    {
        var kernel = new LogProbs();
        using var x = new TestMatrix(1, 2, 1);
        using var w = new TestMatrix(3, 2, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            kernel.Forward(_pool, x.Matrix, w.Matrix, [0, 1], [3], new double[1], new double[1], Room));
    }
}
