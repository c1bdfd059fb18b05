using BenchmarkDotNet.Attributes;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;
using Tuna.Numerics;

namespace Tuna.Benchmarks.Engine;

/// <summary>Workers, random matrices and the check that kernel and scalar reference agree.</summary>
public abstract unsafe class KernelBenchmark
{
    private readonly List<NativeBuffer> _buffers = [];
    private WorkerPool? _pool;

    [Params(1, 2)]
    public int Threads { get; set; }

    private protected WorkerPool Pool => _pool!;

    [GlobalSetup]
    public void Setup()
    {
        _pool = new WorkerPool(Threads);
        Prepare();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        Release();
        foreach (NativeBuffer buffer in _buffers)
            buffer.Dispose();
        _buffers.Clear();
        _pool?.Dispose();
    }

    private protected abstract void Prepare();

    private protected virtual void Release()
    {
    }

    /// <summary>A matrix of normal numbers.</summary>
    private protected Matrix Random(int rows, int columns, double scale = 1)
    {
        Matrix m = Zeros(rows, columns);
        var rng = new Rng((ulong)_buffers.Count);
        for (long i = 0; i < (long)rows * columns; i++)
            m.Data[i] = (float)(scale * rng.NextGaussian());
        return m;
    }

    private protected Matrix Zeros(int rows, int columns)
    {
        var buffer = new NativeBuffer();
        _buffers.Add(buffer);
        return new Matrix(buffer.EnsureZeroed((long)rows * columns), rows, columns);
    }

    private protected Matrix Copy(in Matrix from)
    {
        Matrix to = Zeros(from.Rows, from.Columns);
        CopyTo(from, to);
        return to;
    }

    private protected static void CopyTo(in Matrix from, in Matrix to) =>
        new Span<float>(from.Data, from.Rows * from.Columns).CopyTo(new Span<float>(to.Data, to.Rows * to.Columns));

    /// <summary>Single precision in another order: entries agree to a small part of the largest.</summary>
    private protected static void Same(in Matrix expected, in Matrix actual)
    {
        double largest = 0, difference = 0;
        for (long i = 0; i < (long)expected.Rows * expected.Columns; i++)
        {
            largest = Math.Max(largest, Math.Abs(expected.Data[i]));
            difference = Math.Max(difference, Math.Abs(expected.Data[i] - actual.Data[i]));
        }

        if (!(difference <= 1e-4 * largest))
            throw new InvalidOperationException($"Kernel and reference differ by {difference:E2} of {largest:E2}.");
    }
}
