using BenchmarkDotNet.Attributes;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Benchmarks.Engine;

/// <summary>The matrix product in the shapes of a step of the 15M model: 872 token rows, 744 of which reach the vocabulary.</summary>
public unsafe class GemmBenchmarks : KernelBenchmark
{
    // M, N, K and which operands are transposed.
    private static readonly Dictionary<string, (int M, int N, int K, bool TransposeA, bool TransposeB)> Shapes = new()
    {
        ["qkv"] = (872, 864, 288, false, true),
        ["gate-up"] = (872, 1536, 288, false, true),
        ["down"] = (872, 288, 768, false, true),
        ["logits"] = (744, 1024, 288, false, true),
        ["input gradient"] = (872, 288, 1536, false, false),
        ["weight gradient"] = (1536, 288, 872, true, false),
        ["decoding"] = (4, 864, 288, false, true),
    };

    private Matrix _a, _b, _c;

    public static IEnumerable<string> Names => Shapes.Keys;

    [ParamsSource(nameof(Names))]
    public string Shape { get; set; } = "qkv";

    private protected override void Prepare()
    {
        (int m, int n, int k, bool ta, bool tb) = Shapes[Shape];
        _a = ta ? Random(k, m) : Random(m, k);
        _b = tb ? Random(n, k) : Random(k, n);
        _c = Zeros(m, n);
        Scalar();
        Matrix expected = Copy(_c);
        Kernel();
        Same(expected, _c);
    }

    [Benchmark]
    public void Kernel() => Gemm.Multiply(Pool, new Operand(_a, Shapes[Shape].TransposeA), new Operand(_b, Shapes[Shape].TransposeB), _c,
        Update.Set);

    [Benchmark(Baseline = true)]
    public void Scalar()
    {
        (int m, int n, int k, bool ta, bool tb) = Shapes[Shape];
        // Steps along M and K in A, along K and N in B.
        (int aRow, int aDepth) = ta ? (1, _a.Stride) : (_a.Stride, 1);
        (int bDepth, int bColumn) = tb ? (1, _b.Stride) : (_b.Stride, 1);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                float* a = _a.Data + (i * aRow), b = _b.Data + (j * bColumn);
                float sum = 0;
                for (int l = 0; l < k; l++)
                    sum += a[l * aDepth] * b[l * bDepth];
                _c.Row(i)[j] = sum;
            }
        }
    }
}
