using System.Numerics.Tensors;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

/// <summary>A reward model of V numbers: the reward of a response is the sum of its tokens' weights, which begin at zero.</summary>
internal sealed class TokenRewards(int v) : PolicyBase(new PolicyInfo(v, ContextLength: 4096, HiddenSize: v, LayerCount: 1, v))
{
    // Weights, their accumulated gradient, AdamW's moments; each [V].
    private readonly float[] _weights = new float[v], _gradient = new float[v], _first = new float[v], _second = new float[v];
    private IReadOnlyList<TokenGroup> _passed = [];

    public void Open(string folder) => Read(folder, "model.safetensors", ("weights", _weights));

    protected override void ScoreCore(IReadOnlyList<TokenGroup> groups, int from, int to, Span<double> values, CancellationToken stop)
    {
        foreach ((int r, ReadOnlyMemory<int> response) in groups.Take(from..to).SelectMany(g => g.Responses).Index())
            values[r] = response.ToArray().Sum(token => (double)_weights[token]);
    }

    protected override void ForwardCore(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken stop) =>
        ScoreCore(_passed = [.. groups], 0, groups.Count, values, stop);

    protected override void BackwardCore(ReadOnlySpan<double> gradient)
    {
        foreach ((int r, ReadOnlyMemory<int> response) in _passed.SelectMany(g => g.Responses).Index())
            foreach (int token in response.Span)
                _gradient[token] += (float)gradient[r];
    }

    protected override double GradientNormCore() => TensorPrimitives.Norm<float>(_gradient);

    protected override void ClearGradientsCore() => Array.Clear(_gradient);

    protected override void ApplyGradientsCore(in AdamWStep step)
    {
        AdamWSettings s = step.Settings;
        double c1 = 1 - Math.Pow(s.Beta1, step.Step), c2 = 1 - Math.Pow(s.Beta2, step.Step);
        for (int i = 0; i < v; i++)
        {
            double g = _gradient[i] * step.GradientScale;
            _first[i] = (float)((s.Beta1 * _first[i]) + ((1 - s.Beta1) * g));
            _second[i] = (float)((s.Beta2 * _second[i]) + ((1 - s.Beta2) * g * g));
            _weights[i] -= (float)(step.LearningRate
                * ((_first[i] / c1 / (Math.Sqrt(_second[i] / c2) + s.Epsilon)) + (s.WeightDecay * _weights[i])));
        }

        ClearGradientsCore();
    }

    protected override void SaveModelCore(CheckpointFiles files) => Write(files, "model.safetensors", ("weights", _weights));

    protected override void SaveTrainingStateCore(CheckpointFiles files) => Write(files, "state.safetensors", Training);

    protected override void LoadTrainingStateCore(string folder)
    {
        Open(folder);
        Read(folder, "state.safetensors", Training);
    }

    protected override void DisposeCore() => _passed = [];

    private (string, float[])[] Training => [("gradient", _gradient), ("first", _first), ("second", _second)];

    private void Write(CheckpointFiles files, string file, params (string Name, float[] Values)[] tensors)
    {
        TensorSpec[] shapes = [.. tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [v]))];
        using SafetensorsWriter writer = files.Open(file, shapes);
        Array.ForEach(tensors, t => writer.Write(t.Name, t.Values));
        writer.Complete();
    }

    private static void Read(string folder, string file, params (string Name, float[] Values)[] tensors)
    {
        using SafetensorsFile saved = SafetensorsFile.Open(Path.Combine(folder, file));
        Array.ForEach(tensors, t => saved.Read(t.Name, t.Values));
    }
}
