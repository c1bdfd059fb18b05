using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Kernels;

public sealed unsafe class AdamWTests : IDisposable
{
    private readonly WorkerPool _pool = new(2);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(40_000)]
    public void Step_SomeSteps_MatchesTheReference(int count)
    {
        using var w = new TestMatrix(1, count, 1);
        using var g = new TestMatrix(1, count, 2);
        using var m = new TestMatrix(1, count, 3, scale: 0);
        using var v = new TestMatrix(1, count, 4, scale: 0);
        var settings = new AdamWSettings { Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6, WeightDecay = 0.1 };
        double[,] weights = w.ToDoubles(), first = new double[1, count], second = new double[1, count];
        for (int step = 1; step <= 3; step++)
        {
            using var fresh = new TestMatrix(1, count, 10 + (ulong)step);
            fresh.Matrix.RowSpan(0).CopyTo(g.Matrix.RowSpan(0));
            for (int i = 0; i < count; i++)
            {
                double x = g[0, i] * 0.5;
                first[0, i] = (0.8 * first[0, i]) + (0.2 * x);
                second[0, i] = (0.95 * second[0, i]) + (0.05 * x * x);
                double mean = first[0, i] / (1 - Math.Pow(0.8, step)), square = second[0, i] / (1 - Math.Pow(0.95, step));
                weights[0, i] = (weights[0, i] * (1 - (0.01 * 0.1))) - (0.01 * mean / (Math.Sqrt(square) + 1e-6));
            }

            AdamW.Step(_pool, count, w.Data, g.Data, m.Data, v.Data, new AdamWStep(step, 0.01, 0.5, settings));
        }

        w.AssertClose(weights, 1e-6);
        m.AssertClose(first, 1e-6);
        v.AssertClose(second, 1e-6);
    }

    [Fact]
    public void SumOfSquares_AnyNumberOfWorkers_HasTheSameBits()
    {
        const int Count = 100_003;
        using var x = new TestMatrix(1, Count, 1);
        double expected = 0;
        for (int i = 0; i < Count; i++)
            expected += (double)x[0, i] * x[0, i];
        var partial = new double[AdamW.Blocks(Count)];
        using var other = new WorkerPool(5);
        double two = AdamW.SumOfSquares(_pool, Count, x.Data, partial);
        Assert.Equal(expected, two, expected * 1e-12);
        Assert.Equal(two, AdamW.SumOfSquares(other, Count, x.Data, partial));
    }
}
