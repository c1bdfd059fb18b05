using Tuna.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Samples with a key/value cache: every prompt is computed once, then all samples go on together, one token each at a time.</summary>
/// <remarks>
/// A sample's bits depend on its request, its number and the thread count alone: prompts go through kernels whose rows do not depend on one
/// another, new tokens always through <see cref="DecodingWeights"/>, however many there are.
/// </remarks>
internal sealed unsafe class Decoder : IDisposable
{
    // Samples that go on together: enough to share the reading of the weights, few enough for their logits and caches to stay small.
    private const int MaxSamples = 64;
    private const int PrefillRows = 2048;

    private readonly LlamaConfig _config;
    private readonly LlamaParameters _parameters;
    private readonly LlamaTrunk _trunk;
    private readonly WorkerPool _pool;
    private readonly AttentionShape _shape;
    private readonly DecodingWeights _weights;
    private readonly KeyValueCache _cache;
    private readonly BatchLayout _layout = new();
    private readonly TokenSampler[] _samplers;
    private readonly RowBuffer _x, _normed, _qkv, _attention, _gateUp, _hidden, _logits, _inverse, _promptHidden;

    public Decoder(LlamaConfig config, LlamaParameters parameters, LlamaTrunk trunk, WorkerPool pool, DecodingPrecision precision)
    {
        (_config, _parameters, _trunk, _pool, _shape) = (config, parameters, trunk, pool, trunk.Shape);
        _weights = new DecodingWeights(config, parameters, trunk.Shape, pool, precision);
        _cache = new KeyValueCache(config.LayerCount, _shape);
        _samplers = new TokenSampler[pool.Workers];
        for (int w = 0; w < _samplers.Length; w++)
            _samplers[w] = new TokenSampler();
        _x = new RowBuffer(config.HiddenSize);
        _normed = new RowBuffer(config.HiddenSize);
        _promptHidden = new RowBuffer(config.HiddenSize);
        _qkv = new RowBuffer(_shape.RowWidth);
        _attention = new RowBuffer(_shape.QueryWidth);
        _gateUp = new RowBuffer(2 * config.IntermediateSize);
        _hidden = new RowBuffer(config.IntermediateSize);
        _logits = new RowBuffer(config.VocabularySize);
        _inverse = new RowBuffer(1);
    }

    /// <summary>Bytes of the copy of the weights that is read; 0 while there is none.</summary>
    public long CopyBytes => _weights.CopyBytes;

    /// <summary>Samples all requests, some samples at a time.</summary>
    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests, PolicyInfo info, CancellationToken cancellationToken)
    {
        RequestGuard.Check(requests, info);
        var results = new List<SampledResponse>[requests.Count];
        var waiting = new List<SampleState>();
        for (int r = 0; r < requests.Count; r++)
        {
            results[r] = [];
            for (int k = 0; k < requests[r].Count; k++)
                waiting.Add(new SampleState(requests[r], r, k));
        }

        cancellationToken.ThrowIfCancellationRequested();
        _weights.Follow(Steps(waiting));
        for (int from = 0; from < waiting.Count; from += MaxSamples)
        {
            List<SampleState> batch = waiting.GetRange(from, Math.Min(MaxSamples, waiting.Count - from));
            Run(batch, cancellationToken);
            foreach (SampleState sample in batch)
                results[sample.RequestIndex].Add(sample.ToResponse());
        }

        return results;
    }

    public void Dispose()
    {
        _weights.Dispose();
        _cache.Dispose();
        foreach (TokenSampler sampler in _samplers)
            sampler.Dispose();
        foreach (RowBuffer buffer in (ReadOnlySpan<RowBuffer>)[_x, _normed, _promptHidden, _qkv, _attention, _gateUp, _hidden, _logits, _inverse])
            buffer.Dispose();
    }

    /// <summary>How often the weights are read at most.</summary>
    private static int Steps(List<SampleState> samples)
    {
        long steps = 0;
        for (int from = 0; from < samples.Count; from += MaxSamples)
        {
            int longest = 0;
            for (int i = from; i < Math.Min(from + MaxSamples, samples.Count); i++)
                longest = Math.Max(longest, samples[i].Request.MaxNewTokens);
            steps += longest;
        }

        return (int)Math.Min(int.MaxValue, steps);
    }

    private void Run(List<SampleState> batch, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Prefill(batch);
        var active = new List<SampleState>(batch);
        var slots = new List<int>(Enumerable.Range(0, batch.Count)); // each sample's part of the cache
        while (true)
        {
            for (int i = active.Count - 1; i >= 0; i--)
            {
                if (active[i].Done)
                {
                    active.RemoveAt(i);
                    slots.RemoveAt(i);
                }
            }

            if (active.Count == 0)
                return;
            cancellationToken.ThrowIfCancellationRequested();
            Step(active, slots);
        }
    }

    /// <summary>Computes every prompt once and draws each sample's first token.</summary>
    private void Prefill(List<SampleState> batch)
    {
        // The samples of a request are neighbours.
        var prompts = new List<(SamplingRequest Request, int First, int Count)>();
        int rows = 0, longest = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            if (i > 0 && batch[i].RequestIndex == batch[i - 1].RequestIndex)
            {
                prompts[^1] = prompts[^1] with { Count = prompts[^1].Count + 1 };
                batch[i].PromptRow = batch[i - 1].PromptRow;
                continue;
            }

            prompts.Add((batch[i].Request, i, 1));
            batch[i].PromptRow = rows;
            rows += batch[i].Request.Prompt.Length;
            longest = Math.Max(longest, batch[i].Request.MaxNewTokens);
        }

        _cache.Reserve(rows, batch.Count, longest);
        Matrix last = _promptHidden.Rows(prompts.Count);
        for (int from = 0, to; from < prompts.Count; from = to)
        {
            _layout.BuildPrompt(prompts[from].Request.Prompt.Span);
            for (to = from + 1; to < prompts.Count && _layout.RowCount + prompts[to].Request.Prompt.Length <= PrefillRows; to++)
                _layout.AddPrompt(prompts[to].Request.Prompt.Span);
            _cache.BeginStore(batch[prompts[from].First].PromptRow);
            Matrix hidden = _trunk.Forward(_layout, keep: false, _cache);
            for (int p = from; p < to; p++)
                hidden.RowSpan(_layout.HeadRows[p - from]).CopyTo(last.RowSpan(p));
        }

        Matrix logits = Logits(last);
        var rowOf = new int[batch.Count];
        for (int p = 0; p < prompts.Count; p++)
            rowOf.AsSpan(prompts[p].First, prompts[p].Count).Fill(p);
        Draw(batch, logits, rowOf);
    }

    /// <summary>Computes the last token of each sample and draws the next.</summary>
    private void Step(List<SampleState> active, List<int> slots)
    {
        int n = active.Count;
        Span<int> tokens = stackalloc int[n], positions = stackalloc int[n];
        Span<CachedSequence> sequences = stackalloc CachedSequence[n];
        int longest = 0;
        for (int i = 0; i < n; i++)
        {
            tokens[i] = active[i].Tokens[^1];
            positions[i] = active[i].Request.Prompt.Length + active[i].Tokens.Count - 1;
            longest = Math.Max(longest, positions[i] + 1);
        }

        _trunk.Rope.Ensure(longest);
        Matrix x = _x.Rows(n), normed = _normed.Rows(n), qkv = _qkv.Rows(n), attention = _attention.Rows(n), gateUp = _gateUp.Rows(n), hidden = _hidden.Rows(n);
        float* inverse = _inverse.Rows(n).Data, w = _parameters.Weights;
        float eps = (float)_config.RmsNormEpsilon;
        Embedding.Forward(_pool, tokens, new Matrix(w + _parameters.Embedding, _config.VocabularySize, _config.HiddenSize), x);
        for (int l = 0; l < _config.LayerCount; l++)
        {
            LayerSlots at = _parameters.Layers[l];
            RmsNorm.Forward(_pool, x, w + at.InputNorm, eps, normed, inverse);
            _weights.Multiply(normed, DecodingMatrix.Qkv, l, qkv, false);
            _trunk.Rope.Forward(_pool, qkv.SliceColumns(0, _shape.QueryWidth + _shape.KeyValueWidth), positions);
            for (int i = 0; i < n; i++)
            {
                int count = active[i].Tokens.Count;
                CachedTokens own = _cache.Sample(l, slots[i], count);
                own.Store(_shape, count - 1, qkv.Row(i) + _shape.QueryWidth);
                sequences[i] = new CachedSequence(_cache.Prompt(l, active[i].PromptRow, active[i].Request.Prompt.Length), own);
            }

            CachedAttention.Forward(_pool, _shape, qkv, sequences, attention);
            _weights.Multiply(attention, DecodingMatrix.Output, l, x, true);
            RmsNorm.Forward(_pool, x, w + at.PostNorm, eps, normed, inverse);
            _weights.Multiply(normed, DecodingMatrix.GateUp, l, gateUp, false);
            SwiGlu.Forward(_pool, gateUp, hidden);
            _weights.Multiply(hidden, DecodingMatrix.Down, l, x, true);
        }

        RmsNorm.Forward(_pool, x, w + _parameters.FinalNorm, eps, normed, inverse);
        var rowOf = new int[n];
        for (int i = 0; i < n; i++)
            rowOf[i] = i;
        Draw(active, Logits(normed), rowOf);
    }

    private Matrix Logits(in Matrix hidden)
    {
        Matrix logits = _logits.Rows(hidden.Rows);
        _weights.Multiply(hidden, DecodingMatrix.Logits, 0, logits, false);
        return logits;
    }

    private void Draw(List<SampleState> samples, in Matrix logits, int[] rowOf)
    {
        var job = new DrawJob { Samplers = _samplers, Samples = samples, Logits = logits, RowOf = rowOf };
        _pool.For(samples.Count, grain: 1, ref job);
    }

    private struct DrawJob : IRangeJob
    {
        public TokenSampler[] Samplers;
        public List<SampleState> Samples;
        public Matrix Logits;
        public int[] RowOf;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int i = from; i < to; i++)
            {
                SampleState sample = Samples[i];
                (int token, double logProb) = Samplers[worker].Draw(Logits.Row(RowOf[i]), Logits.Columns, sample.Request, sample.NextUniform());
                sample.Add(token, logProb);
            }
        }
    }
}
