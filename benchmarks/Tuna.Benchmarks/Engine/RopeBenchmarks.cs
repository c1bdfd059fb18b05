using BenchmarkDotNet.Attributes;
using Tuna.Benchmarks.Steps;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Models;

namespace Tuna.Benchmarks.Engine;

/// <summary>The rotation of 872 rows of twelve heads (queries and keys) of width 48.</summary>
public unsafe class RopeBenchmarks : KernelBenchmark
{
    private const int Rows = 872, Heads = 12, Dimension = 48;

    private readonly int[] _positions = [.. Enumerable.Range(0, Rows).Select(t => t % 214)];
    private Rope _rope = null!;
    private Matrix _x;

    private protected override void Prepare()
    {
        _rope = new Rope(RopeScaling.None.Frequencies(10000, ModelShape.Parse("15m").HeadDimension), 1);
        _rope.Ensure(214);
        _x = Random(Rows, Heads * Dimension);
        Matrix start = Copy(_x);
        Scalar();
        Matrix expected = Copy(_x);
        CopyTo(start, _x);
        Kernel();
        Same(expected, _x);
    }

    [Benchmark]
    public void Kernel() => _rope.Forward(Pool, _x, _positions);

    [Benchmark(Baseline = true)]
    public void Scalar()
    {
        const int Half = Dimension / 2;
        for (int t = 0; t < Rows; t++)
        {
            for (int h = 0; h < Heads; h++)
            {
                float* x = _x.Row(t) + (h * Dimension);
                for (int i = 0; i < Half; i++)
                {
                    (double sin, double cos) = Math.SinCos(_positions[t] * Math.Pow(10000, -2.0 * i / Dimension));
                    (float a, float b) = (x[i], x[Half + i]);
                    x[i] = (float)((a * cos) - (b * sin));
                    x[Half + i] = (float)((b * cos) + (a * sin));
                }
            }
        }
    }

    private protected override void Release() => _rope.Dispose();
}
