using BenchmarkDotNet.Attributes;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Benchmarks.Engine;

/// <summary>The product of few rows with weights that no cache holds, as decoding computes it: the logits of a model 512 wide, the MLP's
/// output of a larger one.</summary>
public unsafe class DotRowsBenchmarks : KernelBenchmark
{
    // N and K.
    private static readonly Dictionary<string, (int N, int K)> Shapes = new() { ["logits"] = (32000, 512), ["down"] = (4096, 5504) };

    private Matrix _a, _b, _c;
    private WeightRows<BFloat16Format> _copy;

    public static IEnumerable<string> Names => Shapes.Keys;

    [ParamsSource(nameof(Names))]
    public string Shape { get; set; } = "logits";

    [Params(1, 4, 8)]
    public int Rows { get; set; }

    private protected override void Prepare()
    {
        (int n, int k) = Shapes[Shape];
        (_a, _b, _c) = (Random(Rows, k), Random(n, k), Zeros(Rows, n));
        // Weights of a checkpoint in bfloat16: both formats hold the same.
        var bits = new Span<uint>(_b.Data, n * k);
        for (int i = 0; i < bits.Length; i++)
            bits[i] &= 0xFFFF_0000;
        _copy = BFloat16Copy.View(Zeros(1, checked((int)BFloat16Copy.Floats(n, k))).Data, n, k);
        BFloat16Copy.Make(Pool, _b, _copy, exactOnly: true);

        Scalar();
        Matrix expected = Copy(_c);
        BFloat16();
        Same(expected, _c);
        Float32();
        Same(expected, _c);
    }

    [Benchmark]
    public void BFloat16() => DotRows.Multiply(Pool, _a, _copy, _c, Update.Set);

    [Benchmark]
    public void Float32() => DotRows.Multiply(Pool, _a, _b, _c, Update.Set);

    [Benchmark(Baseline = true)]
    public void Scalar()
    {
        for (int i = 0; i < _a.Rows; i++)
        {
            for (int j = 0; j < _b.Rows; j++)
            {
                float* a = _a.Row(i), b = _b.Row(j);
                float sum = 0;
                for (int l = 0; l < _a.Columns; l++)
                    sum += a[l] * b[l];
                _c.Row(i)[j] = sum;
            }
        }
    }
}
