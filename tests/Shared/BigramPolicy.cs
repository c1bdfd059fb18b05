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
internal sealed class BigramPolicy : PolicyBase, ITrainablePolicy
{
    private readonly float[] _table; // [V, V]
    private readonly float[] _gradient;
    private readonly float[] _first;
    private readonly float[] _second;
    private TokenGroup[] _groups = []; // of the open pass

    public BigramPolicy(int vocabulary = 8, ulong seed = 1, int context = 64)
        : base(new PolicyInfo(vocabulary, context, vocabulary, 1, (long)vocabulary * vocabulary))
    {
        Vocabulary = vocabulary;
        _table = new float[vocabulary * vocabulary];
        _gradient = new float[_table.Length];
        _first = new float[_table.Length];
        _second = new float[_table.Length];
        var rng = new Rng(seed);
        foreach (ref float w in _table.AsSpan())
            w = (float)rng.NextGaussian();
    }

    public int Vocabulary { get; }

    /// <summary>Called with the name of each moment: score, forward, backward, apply, applied, save:FILE, saved:FILE, load.</summary>
    public Action<string>? At { get; set; }

    /// <summary>Responses that cost backward work so far.</summary>
    public int BackwardResponses { get; private set; }

    public List<AdamWStep> Updates { get; } = [];

    public Span<float> Table => _table;

    public ReadOnlySpan<float> Gradient => _gradient;

    public static BigramPolicy Load(string folder, int vocabulary = 8)
    {
        var policy = new BigramPolicy(vocabulary);
        using SafetensorsFile model = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        model.Read("table", policy._table);
        return policy;
    }

    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
        CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        cancellationToken.ThrowIfCancellationRequested();
        Info.CheckRequests(requests);
        return requests.Select(q => (IReadOnlyList<SampledResponse>)Enumerable.Range(0, q.Count).Select(k => Sample(q, k)).ToList())
            .ToList();
    }

    protected override void ScoreCore(IReadOnlyList<TokenGroup> groups, int from, int to, Span<double> values,
        CancellationToken cancellationToken)
    {
        At?.Invoke("score");
        cancellationToken.ThrowIfCancellationRequested();
        LogProbs(groups.Skip(from).Take(to - from), values);
    }

    protected override void ForwardCore(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken)
    {
        At?.Invoke("forward");
        cancellationToken.ThrowIfCancellationRequested();
        _groups = [.. groups];
        LogProbs(_groups, values);
    }

    protected override void BackwardCore(ReadOnlySpan<double> gradient)
    {
        At?.Invoke("backward");
        int r = 0;
        foreach (TokenGroup group in _groups)
        {
            foreach (ReadOnlyMemory<int> response in group.Responses)
            {
                if (gradient[r] != 0)
                    Accumulate(group, response.Span, gradient[r]);
                r++;
            }
        }
    }

    protected override double GradientNormCore()
    {
        double sum = 0;
        foreach (float g in _gradient)
            sum += (double)g * g;
        return Math.Sqrt(sum);
    }

    protected override void ApplyGradientsCore(in AdamWStep step)
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

    protected override void ClearGradientsCore() => Array.Clear(_gradient);

    protected override void SaveModelCore(CheckpointFiles files)
    {
        At?.Invoke("save:config.json");
        files.Write("config.json", """{"model_type":"bigram"}"""u8);
        At?.Invoke("saved:config.json");
        Save(files, "model.safetensors", ("table", _table));
    }

    protected override void SaveTrainingStateCore(CheckpointFiles files) =>
        Save(files, "bigram_state.safetensors", ("first", _first), ("second", _second), ("gradient", _gradient));

    protected override void LoadTrainingStateCore(string folder)
    {
        At?.Invoke("load");
        using SafetensorsFile model = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        model.Read("table", _table);
        using SafetensorsFile state = SafetensorsFile.Open(Path.Combine(folder, "bigram_state.safetensors"));
        state.Read("first", _first);
        state.Read("second", _second);
        state.Read("gradient", _gradient);
    }

    protected override void DisposeCore()
    {
    }

    private void Save(CheckpointFiles files, string file, params (string Name, float[] Values)[] tensors)
    {
        At?.Invoke("save:" + file);
        using SafetensorsWriter writer = files.Open(file,
            tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [Vocabulary, Vocabulary])));
        foreach ((string name, float[] values) in tensors)
            writer.Write(name, values);
        At?.Invoke("writing:" + file);
        writer.Complete();
        At?.Invoke("saved:" + file);
    }

    private void LogProbs(IEnumerable<TokenGroup> groups, Span<double> values)
    {
        int r = 0;
        foreach (TokenGroup group in groups)
        {
            foreach (ReadOnlyMemory<int> response in group.Responses)
                values[r++] = LogProb(group, response.Span);
        }
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
                _gradient[(previous * Vocabulary) + j] += (float)(gradient
                    * ((j == token ? 1 : 0) - Math.Exp(Row(previous)[j] - normalizer)));
            previous = token;
        }
    }

    /// <summary>Plain inversion of the distribution.</summary>
    private SampledResponse Sample(SamplingRequest request, int sample)
    {
        var rng = new Rng(Rng.Derive(request.Seed, (ulong)sample));
        var tokens = new List<int>();
        double logProb = 0;
        int previous = request.Prompt.Span[^1];
        while (tokens.Count < request.MaxNewTokens)
        {
            int token = Draw(Allowed(previous, request), rng.NextDouble());
            tokens.Add(token);
            request.Drawn?.Invoke(sample, token);
            logProb += Row(previous)[token] - LogSumExp(previous);
            previous = token;
            if (request.StopTokens.Contains(token))
                return new SampledResponse(tokens, logProb, true);
        }
        return new SampledResponse(tokens, logProb, false);
    }

    /// <summary>Tokens and their probabilities, likeliest first, within temperature, top-k and nucleus.</summary>
    private List<(int Token, double Probability)> Allowed(int previous, SamplingRequest request)
    {
        float[] row = Row(previous).ToArray();
        double temperature = Math.Max(request.Temperature, 1e-9), highest = row.Max();
        var all = row.Select((logit, token) => (Token: token, Probability: Math.Exp((logit - highest) / temperature)))
            .OrderByDescending(t => t.Probability).ToList();
        double sum = all.Sum(t => t.Probability), below = 0;
        all = all.ConvertAll(t => (t.Token, t.Probability / sum));
        int kept = all.TakeWhile((t, i) => (request.TopK == 0 || i < request.TopK)
            && ((below += t.Probability) - t.Probability < request.TopP)).Count();
        all = all[..Math.Max(1, kept)];
        sum = all.Sum(t => t.Probability);
        return all.ConvertAll(t => (t.Token, t.Probability / sum));
    }

    private static int Draw(List<(int Token, double Probability)> tokens, double u)
    {
        foreach ((int token, double probability) in tokens)
        {
            if ((u -= probability) < 0)
                return token;
        }
        return tokens[^1].Token;
    }
}
