using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Testing;

/// <summary>
/// The smallest policy that really trains: p(next | previous token) = softmax of a row of a [V, V] table, with exact gradients and AdamW.
/// Gradients accumulate in single precision, so that a lost or reordered micro-batch changes bits. <see cref="At"/> sees every moment
/// of its life, for faults and snapshots.
/// </summary>
internal sealed class BigramPolicy : ITrainablePolicy
{
    private readonly float[] _table; // [V, V]
    private readonly float[] _gradient;
    private readonly float[] _first;
    private readonly float[] _second;
    private bool _open;

    public BigramPolicy(int vocabulary = 8, ulong seed = 1, int context = 64)
    {
        Vocabulary = vocabulary;
        Info = new PolicyInfo(vocabulary, context, vocabulary, 1, (long)vocabulary * vocabulary);
        _table = new float[vocabulary * vocabulary];
        _gradient = new float[_table.Length];
        _first = new float[_table.Length];
        _second = new float[_table.Length];
        var rng = new Rng(seed);
        foreach (ref float w in _table.AsSpan())
            w = (float)rng.NextGaussian();
    }

    public int Vocabulary { get; }

    public PolicyInfo Info { get; }

    /// <summary>Called with the name of each moment: score, forward, backward, apply, applied, save:FILE, saved:FILE, load.</summary>
    public Action<string>? At { get; set; }

    /// <summary>Responses that cost backward work so far.</summary>
    public int BackwardResponses { get; private set; }

    public List<AdamWStep> Updates { get; } = [];

    public Span<float> Table => _table;

    public ReadOnlySpan<float> Gradient => _gradient;

    public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default)
    {
        At?.Invoke("score");
        cancellationToken.ThrowIfCancellationRequested();
        int r = 0;
        foreach (TokenGroup group in groups)
        {
            foreach (ReadOnlyMemory<int> response in group.Responses)
                logProbs[r++] = LogProb(group, response.Span);
        }
        if (r != logProbs.Length)
            throw new ArgumentException($"{logProbs.Length} places for {r} responses.");
    }

    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests, CancellationToken cancellationToken = default) =>
        requests.Select(q => (IReadOnlyList<SampledResponse>)Enumerable.Range(0, q.Count).Select(k => Sample(q, k)).ToList()).ToList();

    public IForwardPass Forward(IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken = default)
    {
        At?.Invoke("forward");
        cancellationToken.ThrowIfCancellationRequested();
        if (_open)
            throw new InvalidOperationException("A pass is still open.");
        _open = true;
        return new Pass(this, groups);
    }

    public double GradientNorm()
    {
        double sum = 0;
        foreach (float g in _gradient)
            sum += (double)g * g;
        return Math.Sqrt(sum);
    }

    public void ApplyGradients(in AdamWStep step)
    {
        At?.Invoke("apply");
        Updates.Add(step);
        AdamWSettings s = step.Settings;
        double c1 = 1 - Math.Pow(s.Beta1, step.Step), c2 = 1 - Math.Pow(s.Beta2, step.Step);
        for (int i = 0; i < _table.Length; i++)
        {
            double g = _gradient[i] * step.GradientScale;
            _first[i] = (float)((s.Beta1 * _first[i]) + ((1 - s.Beta1) * g));
            _second[i] = (float)((s.Beta2 * _second[i]) + ((1 - s.Beta2) * g * g));
            double w = _table[i] * (1 - (step.LearningRate * s.WeightDecay));
            _table[i] = (float)(w - (step.LearningRate * (_first[i] / c1) / (Math.Sqrt(_second[i] / c2) + s.Epsilon)));
        }
        Array.Clear(_gradient);
        At?.Invoke("applied");
    }

    public void ClearGradients() => Array.Clear(_gradient);

    public void SaveModel(string folder)
    {
        At?.Invoke("save:config.json");
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type":"bigram"}""");
        At?.Invoke("saved:config.json");
        Save(folder, "model.safetensors", ("table", _table));
    }

    public void SaveTrainingState(string folder) => Save(folder, "bigram_state.safetensors", ("first", _first), ("second", _second), ("gradient", _gradient));

    public void LoadTrainingState(string folder)
    {
        At?.Invoke("load");
        using SafetensorsFile model = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        model.Read("table", _table);
        using SafetensorsFile state = SafetensorsFile.Open(Path.Combine(folder, "bigram_state.safetensors"));
        state.Read("first", _first);
        state.Read("second", _second);
        state.Read("gradient", _gradient);
    }

    public void Dispose()
    {
    }

    private void Save(string folder, string file, params (string Name, float[] Values)[] tensors)
    {
        At?.Invoke("save:" + file);
        using var writer = new SafetensorsWriter(Path.Combine(folder, file), tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [Vocabulary, Vocabulary])));
        foreach ((string name, float[] values) in tensors)
            writer.Write(name, values);
        At?.Invoke("writing:" + file);
        writer.Complete();
        At?.Invoke("saved:" + file);
    }

    private double LogProb(TokenGroup group, ReadOnlySpan<int> response)
    {
        double sum = 0;
        int previous = group.Prompt.Span[^1];
        foreach (int token in response)
        {
            sum += _table[(previous * Vocabulary) + token] - LogSumExp(previous);
            previous = token;
        }
        return sum;
    }

    private double LogSumExp(int previous)
    {
        double sum = 0;
        foreach (float logit in Row(previous))
            sum += Math.Exp(logit);
        return Math.Log(sum);
    }

    private ReadOnlySpan<float> Row(int previous) => _table.AsSpan(previous * Vocabulary, Vocabulary);

    private void Accumulate(TokenGroup group, ReadOnlySpan<int> response, double gradient)
    {
        BackwardResponses++;
        int previous = group.Prompt.Span[^1];
        foreach (int token in response)
        {
            double normalizer = LogSumExp(previous);
            for (int j = 0; j < Vocabulary; j++)
                _gradient[(previous * Vocabulary) + j] += (float)(gradient * ((j == token ? 1 : 0) - Math.Exp(Row(previous)[j] - normalizer)));
            previous = token;
        }
    }

    private SampledResponse Sample(SamplingRequest request, int sample)
    {
        var rng = new Rng(Rng.Derive(request.Seed, (ulong)sample));
        var tokens = new List<int>();
        double logProb = 0;
        int previous = request.Prompt.Span[^1];
        while (tokens.Count < request.MaxNewTokens)
        {
            double u = rng.NextDouble(), normalizer = LogSumExp(previous);
            int token = 0;
            while (token < Vocabulary - 1 && (u -= Math.Exp(Row(previous)[token] - normalizer)) > 0)
                token++;
            tokens.Add(token);
            logProb += Row(previous)[token] - normalizer;
            previous = token;
            if (request.StopTokens.Contains(token))
                return new SampledResponse(tokens, logProb, true);
        }
        return new SampledResponse(tokens, logProb, false);
    }

    private sealed class Pass : IForwardPass
    {
        private readonly BigramPolicy _policy;
        private readonly TokenGroup[] _groups;
        private readonly double[] _logProbs;

        public Pass(BigramPolicy policy, IReadOnlyList<TokenGroup> groups)
        {
            _policy = policy;
            _groups = [.. groups];
            _logProbs = [.. groups.SelectMany(g => g.Responses.Select(r => policy.LogProb(g, r.Span)))];
        }

        public ReadOnlySpan<double> Values => _logProbs;

        public void Backward(ReadOnlySpan<double> gradient)
        {
            _policy.At?.Invoke("backward");
            int r = 0;
            foreach (TokenGroup group in _groups)
            {
                foreach (ReadOnlyMemory<int> response in group.Responses)
                {
                    if (gradient[r] != 0)
                        _policy.Accumulate(group, response.Span, gradient[r]);
                    r++;
                }
            }
        }

        public void Dispose() => _policy._open = false;
    }
}
