using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;

namespace OwnEngine;

/// <summary>The log-probability of a response is the sum over its tokens of log softmax(table[previous])[token]; the table starts at
/// zero.</summary>
internal sealed class BigramPolicy(int v)
    : PolicyBase(new PolicyInfo(v, ContextLength: 4096, HiddenSize: v, LayerCount: 1, (long)v * v)), ITrainablePolicy
{
    // Weights, accumulated gradient, AdamW's two moments; each [V, V].
    private readonly float[] _table = new float[v * v], _gradient = new float[v * v], _first = new float[v * v], _second = new float[v * v];
    private readonly float[] _softmax = new float[v];
    private IReadOnlyList<TokenGroup> _passed = [];

    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
        CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        Info.CheckRequests(requests);
        if (requests.Any(q => q.TopK > 0 || q.TopP < 1))
            throw new NotSupportedException("This engine cuts no tokens off; TokenCutoff does it for those that do.");
        return [.. requests.Select(q => (IReadOnlyList<SampledResponse>)[.. Enumerable.Range(0, q.Count).Select(k => SampleOne(q, k))])];
    }

    protected override void ScoreCore(IReadOnlyList<TokenGroup> groups, int from, int to, Span<double> values,
        CancellationToken cancellationToken) => Walk(groups.Take(from..to), values, []);

    protected override void ForwardCore(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken) =>
        Walk(_passed = groups, values, []);

    protected override void BackwardCore(ReadOnlySpan<double> gradient) => Walk(_passed, [], gradient);

    protected override double GradientNormCore() => TensorPrimitives.Norm<float>(_gradient);

    protected override void ClearGradientsCore() => Array.Clear(_gradient);

    protected override void ApplyGradientsCore(in AdamWStep step)
    {
        AdamWSettings s = step.Settings;
        double c1 = 1 - Math.Pow(s.Beta1, step.Step), c2 = 1 - Math.Pow(s.Beta2, step.Step);
        for (int i = 0; i < _table.Length; i++)
        {
            double g = _gradient[i] * step.GradientScale;
            _first[i] = (float)((s.Beta1 * _first[i]) + ((1 - s.Beta1) * g));
            _second[i] = (float)((s.Beta2 * _second[i]) + ((1 - s.Beta2) * g * g));
            _table[i] -= (float)(step.LearningRate
                * ((_first[i] / c1 / (Math.Sqrt(_second[i] / c2) + s.Epsilon)) + (s.WeightDecay * _table[i])));
        }

        ClearGradientsCore();
    }

    protected override void SaveModelCore(CheckpointFiles files) =>
        files.Write("table.bin", MemoryMarshal.AsBytes(_table.AsSpan()));

    protected override void SaveTrainingStateCore(CheckpointFiles files) =>
        files.Write("state.bin", MemoryMarshal.AsBytes<float>([.. _gradient, .. _first, .. _second]));

    protected override void LoadTrainingStateCore(string folder)
    {
        File.ReadAllBytes(Path.Combine(folder, "table.bin")).CopyTo(MemoryMarshal.AsBytes(_table.AsSpan()));
        ReadOnlySpan<float> state = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, "state.bin")));
        state[..(v * v)].CopyTo(_gradient);
        state[(v * v)..(2 * v * v)].CopyTo(_first);
        state[(2 * v * v)..].CopyTo(_second);
    }

    protected override void DisposeCore() => _passed = [];

    // Sums log p(token) of each response into the values; with dL/d(sum) it accumulates dL/d(row) = dL/d(sum) x (onehot - softmax).
    private void Walk(IEnumerable<TokenGroup> groups, Span<double> values, ReadOnlySpan<double> gradient)
    {
        int r = 0;
        foreach ((TokenGroup group, ReadOnlyMemory<int> response) in groups.SelectMany(g => g.Responses.Select(response => (g, response))))
        {
            double sum = 0;
            int previous = group.Prompt.Span[^1];
            foreach (int token in response.Span)
            {
                SoftMax(previous, temperature: 1);
                sum += Math.Log(_softmax[token]);
                if (!gradient.IsEmpty)
                {
                    Span<float> slope = _gradient.AsSpan(previous * v, v);
                    TensorPrimitives.MultiplyAdd(_softmax, (float)-gradient[r], slope, slope);
                    slope[token] += (float)gradient[r];
                }

                previous = token;
            }

            if (!values.IsEmpty)
                values[r] = sum;
            r++;
        }
    }

    private SampledResponse SampleOne(SamplingRequest request, int number)
    {
        var rng = new Rng(Rng.Derive(request.Seed, (ulong)number));
        var tokens = new List<int>();
        double logProb = 0;
        while (tokens.Count < request.MaxNewTokens && (tokens.Count == 0 || !request.StopTokens.Contains(tokens[^1])))
        {
            int previous = tokens.Count == 0 ? request.Prompt.Span[^1] : tokens[^1];
            SoftMax(previous, request.Temperature);
            double left = rng.NextDouble();
            int token = request.Temperature == 0
                ? TensorPrimitives.IndexOfMax<float>(_softmax) : Math.Max(0, Array.FindIndex(_softmax, p => (left -= p) < 0));
            SoftMax(previous, temperature: 1);
            logProb += Math.Log(_softmax[token]);
            tokens.Add(token);
            request.Drawn?.Invoke(number, token);
        }

        return new SampledResponse(tokens, logProb, request.StopTokens.Contains(tokens[^1]));
    }

    private void SoftMax(int previous, double temperature)
    {
        ReadOnlySpan<float> row = _table.AsSpan(previous * v, v);
        TensorPrimitives.Subtract(row, TensorPrimitives.Max(row), _softmax); // SoftMax itself does not subtract the maximum
        TensorPrimitives.Divide(_softmax, (float)(temperature == 0 ? 1 : temperature), _softmax);
        TensorPrimitives.SoftMax<float>(_softmax, _softmax);
    }
}
