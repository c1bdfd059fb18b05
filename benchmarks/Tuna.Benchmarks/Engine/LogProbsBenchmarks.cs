using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Benchmarks.Engine;

/// <summary>Log-probabilities of the next tokens of 96 rows of width 288 under a vocabulary of 8,000, and their gradient; the reference
/// holds all logits.</summary>
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public unsafe class LogProbsBenchmarks : KernelBenchmark
{
    private const int Rows = 96, Width = 288, Vocabulary = 8000;

    private readonly LogProbs _kernel = new();
    private readonly NativeBuffer _room = new();
    private readonly int[] _starts = [.. Enumerable.Range(0, Rows + 1)];
    private readonly int[] _targets = [.. Enumerable.Range(0, Rows).Select(t => t * 7919 % Vocabulary)];
    private readonly double[] _coefficients = [.. Enumerable.Range(0, Rows).Select(t => (t % 3) - 1.0)];
    private readonly double[] _logProbs = new double[Rows], _logSum = new double[Rows], _expected = new double[Rows];
    private Matrix _x, _w, _dx, _dw, _logits;

    private protected override void Prepare()
    {
        (_x, _w) = (Random(Rows, Width), Random(Vocabulary, Width, 0.02));
        (_dx, _dw, _logits) = (Zeros(Rows, Width), Zeros(Vocabulary, Width), Zeros(Rows, Vocabulary));
        ScalarForward();
        ScalarBackward();
        (Matrix dx, Matrix dw) = (Copy(_dx), Copy(_dw));
        KernelForward();
        KernelBackward();
        Same(dx, _dx);
        Same(dw, _dw);
        for (int t = 0; t < Rows; t++)
        {
            if (Math.Abs(_expected[t] - _logProbs[t]) > 1e-4)
                throw new InvalidOperationException($"Row {t}: {_expected[t]} and {_logProbs[t]} differ.");
        }
    }

    [Benchmark]
    [BenchmarkCategory("forward")]
    public void KernelForward() =>
        _kernel.Forward(Pool, _x, _w, _starts, _targets, _logProbs, _logSum, _room.Ensure(LogProbs.RoomFloats(Rows)));

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("forward")]
    public void ScalarForward()
    {
        for (int t = 0; t < Rows; t++)
        {
            double max = double.NegativeInfinity, sum = 0;
            for (int v = 0; v < Vocabulary; v++)
            {
                float dot = 0;
                for (int i = 0; i < Width; i++)
                    dot += _x.Row(t)[i] * _w.Row(v)[i];
                _logits.Row(t)[v] = dot;
                max = Math.Max(max, dot);
            }

            for (int v = 0; v < Vocabulary; v++)
                sum += Math.Exp(_logits.Row(t)[v] - max);
            _logSum[t] = max + Math.Log(sum);
            _expected[t] = _logits.Row(t)[_targets[t]] - _logSum[t];
        }
    }

    [Benchmark]
    [BenchmarkCategory("backward")]
    public void KernelBackward() =>
        _kernel.Backward(Pool, _x, _w, _starts, _targets, _coefficients, _logSum, _dx, _dw, _room.Pointer, Update.Set);

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("backward")]
    public void ScalarBackward()
    {
        for (int t = 0; t < Rows; t++)
        {
            _dx.RowSpan(t).Clear();
            if (t == 0)
                new Span<float>(_dw.Data, Vocabulary * Width).Clear();
            for (int v = 0; v < Vocabulary; v++)
            {
                float d = (float)(_coefficients[t] * ((v == _targets[t] ? 1 : 0) - Math.Exp(_logits.Row(t)[v] - _logSum[t])));
                for (int i = 0; i < Width; i++)
                {
                    _dx.Row(t)[i] += d * _w.Row(v)[i];
                    _dw.Row(v)[i] += d * _x.Row(t)[i];
                }
            }
        }
    }

    private protected override void Release() => _room.Dispose();
}
