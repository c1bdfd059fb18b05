using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Tuna.Benchmarks.Steps;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;

namespace Tuna.Benchmarks.Engine;

/// <summary>Attention of one group: a prompt of 64 tokens shared by responses of 40, 72, 110 and 150, six heads of width 48.</summary>
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public unsafe class AttentionBenchmarks : KernelBenchmark
{
    private static readonly AttentionShape Shape = new(Heads: 6, KeyValueHeads: 6, Dimension: 48);

    private readonly BatchLayout _layout = new();
    private int[][] _visible = [];
    private Matrix _qkv, _output, _logSum, _dOutput, _dQkv;

    private protected override void Prepare()
    {
        _layout.Build(new Workload(instructions: 1, prompt: 64, [40, 72, 110, 150], vocabulary: 1000, sharing: true).Groups,
            HeadRows.EveryTarget);
        _visible = Visible();
        int n = _layout.RowCount;
        (_qkv, _dOutput) = (Random(n, Shape.RowWidth), Random(n, Shape.QueryWidth));
        (_output, _logSum, _dQkv) = (Zeros(n, Shape.QueryWidth), Zeros(n, Shape.Heads), Zeros(n, Shape.RowWidth));
        ScalarForward();
        ScalarBackward();
        (Matrix output, Matrix dQkv) = (Copy(_output), Copy(_dQkv));
        KernelForward();
        KernelBackward();
        Same(output, _output);
        Same(dQkv, _dQkv);
    }

    [Benchmark]
    [BenchmarkCategory("forward")]
    public void KernelForward() => Attention.Forward(Pool, _layout.Attention, Shape, _qkv, _output, _logSum.Data);

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("forward")]
    public void ScalarForward()
    {
        int d = Shape.Dimension, keys = Shape.QueryWidth, values = keys + Shape.KeyValueWidth;
        for (int t = 0; t < _layout.RowCount; t++)
        {
            for (int h = 0; h < Shape.Heads; h++)
            {
                double[] p = Probabilities(t, h);
                for (int i = 0; i < d; i++)
                {
                    double sum = 0;
                    for (int s = 0; s < p.Length; s++)
                        sum += p[s] * _qkv.Row(_visible[t][s])[values + (h * d) + i];
                    _output.Row(t)[(h * d) + i] = (float)sum;
                }
            }
        }
    }

    [Benchmark]
    [BenchmarkCategory("backward")]
    public void KernelBackward() => Attention.Backward(Pool, _layout.Attention, Shape, _qkv, _output, _logSum.Data, _dOutput, _dQkv);

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("backward")]
    public void ScalarBackward()
    {
        int d = Shape.Dimension, keys = Shape.QueryWidth, values = keys + Shape.KeyValueWidth;
        new Span<float>(_dQkv.Data, _dQkv.Rows * _dQkv.Columns).Clear();
        for (int t = 0; t < _layout.RowCount; t++)
        {
            for (int h = 0; h < Shape.Heads; h++)
            {
                double[] p = Probabilities(t, h), dp = new double[p.Length];
                double mean = 0;
                for (int s = 0; s < p.Length; s++)
                {
                    for (int i = 0; i < d; i++)
                        dp[s] += (double)_dOutput.Row(t)[(h * d) + i] * _qkv.Row(_visible[t][s])[values + (h * d) + i];
                    mean += p[s] * dp[s];
                }

                for (int s = 0; s < p.Length; s++)
                {
                    int row = _visible[t][s];
                    double score = p[s] * (dp[s] - mean) / Math.Sqrt(d);
                    for (int i = 0; i < d; i++)
                    {
                        _dQkv.Row(t)[(h * d) + i] += (float)(score * _qkv.Row(row)[keys + (h * d) + i]);
                        _dQkv.Row(row)[keys + (h * d) + i] += (float)(score * _qkv.Row(t)[(h * d) + i]);
                        _dQkv.Row(row)[values + (h * d) + i] += (float)(p[s] * _dOutput.Row(t)[(h * d) + i]);
                    }
                }
            }
        }
    }

    private double[] Probabilities(int t, int h)
    {
        int d = Shape.Dimension, keys = Shape.QueryWidth;
        double[] p = new double[_visible[t].Length];
        double max = double.NegativeInfinity, sum = 0;
        for (int s = 0; s < p.Length; s++)
        {
            for (int i = 0; i < d; i++)
                p[s] += (double)_qkv.Row(t)[(h * d) + i] * _qkv.Row(_visible[t][s])[keys + (h * d) + i];
            p[s] /= Math.Sqrt(d);
            max = Math.Max(max, p[s]);
        }

        for (int s = 0; s < p.Length; s++)
            sum += p[s] = Math.Exp(p[s] - max);
        for (int s = 0; s < p.Length; s++)
            p[s] /= sum;
        return p;
    }

    /// <summary>Rows that each row attends to: its prompt up to itself, or the whole prompt and its own response up to itself.</summary>
    private int[][] Visible()
    {
        var visible = new int[_layout.RowCount][];
        foreach (GroupSpan group in _layout.Groups)
        {
            int[] prompt = [.. Enumerable.Range(group.PromptStart, group.PromptLength)];
            for (int i = 0; i < prompt.Length; i++)
                visible[prompt[i]] = prompt[..(i + 1)];
            foreach (ResponseSpan response in _layout.Responses.Slice(group.FirstResponse, group.ResponseCount))
            {
                for (int i = 0; i < response.Rows; i++)
                    visible[response.Start + i] = [.. prompt, .. Enumerable.Range(response.Start, i + 1)];
            }
        }

        return visible;
    }
}
