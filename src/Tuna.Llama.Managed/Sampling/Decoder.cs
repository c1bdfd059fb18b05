using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Samples with a key/value cache: every prompt is computed once, then all samples go on together, some tokens each at a
/// time.</summary>
/// <remarks>
/// A sample's bits depend on its request, its number and the thread count alone: prompts go through kernels whose rows do not depend on one
/// another, new tokens always through <see cref="DecodingWeights"/>, however many there are.
/// </remarks>
internal sealed unsafe class Decoder : IDisposable
{
    // Samples that go on together: enough to share the reading of the weights, few enough for their logits and caches to stay small.
    private const int MaxSamples = 64;
    private const int PrefillRows = 2048;

    private readonly LlamaTrunk _trunk;
    private readonly DecodingWeights _weights;
    private readonly DraftWeights? _draft;
    private readonly KeyValueCache _cache;
    private readonly TokenPass _pass;
    private readonly RowSampler _sampler;
    private readonly Speculation _speculation;
    private readonly BatchLayout _layout = new();

    public Decoder(LlamaConfig config, LlamaParameters parameters, LlamaTrunk trunk, WorkerPool pool, DecodingPrecision precision,
        bool speculative)
    {
        _trunk = trunk;
        var matrices = new DecodingMatrices(config, parameters, trunk.Shape);
        _weights = new DecodingWeights(matrices, pool, precision);
        _draft = speculative ? new DraftWeights(matrices, pool) : null;
        _cache = new KeyValueCache(config.LayerCount, trunk.Shape);
        _pass = new TokenPass(config, parameters, trunk, pool, _cache);
        _sampler = new RowSampler(pool);
        _speculation = new Speculation(_pass, _weights, _draft, _sampler);
    }

    /// <summary>Bytes of the copy of the weights that is read; 0 while there is none.</summary>
    public long CopyBytes => _weights.CopyBytes;

    /// <summary>Bytes of the copy that drafts; 0 while there is none.</summary>
    public long DraftBytes => _draft?.CopyBytes ?? 0;

    /// <summary>Tokens drafted and those of them that were taken, so far.</summary>
    public (long Drafted, long Accepted) Speculated => (_speculation.Drafted, _speculation.Accepted);

    /// <summary>Samples all requests, some samples at a time.</summary>
    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests, PolicyInfo info,
        CancellationToken cancellationToken)
    {
        info.CheckRequests(requests);
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
        if (_weights.Copied)
            _draft?.Release(); // it drafts for the weights themselves
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
        _draft?.Dispose();
        _cache.Dispose();
        _sampler.Dispose();
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
        while (true)
        {
            active.RemoveAll(s => s.Done);
            if (active.Count == 0)
                return;
            cancellationToken.ThrowIfCancellationRequested();
            _speculation.Step(active);
        }
    }

    /// <summary>Computes every prompt once and draws each sample's first token.</summary>
    private void Prefill(List<SampleState> batch)
    {
        // The samples of a request are neighbours.
        var prompts = new List<SampleState>(); // the first sample of each
        var promptOf = new int[batch.Count];
        int rows = 0, longest = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            SampleState sample = batch[i];
            if (i == 0 || sample.RequestIndex != batch[i - 1].RequestIndex)
            {
                sample.PromptRow = rows;
                prompts.Add(sample);
                rows += sample.Request.Prompt.Length;
                longest = Math.Max(longest, sample.Request.MaxNewTokens);
            }

            (sample.PromptRow, sample.CacheSlot, promptOf[i]) = (prompts[^1].PromptRow, i, prompts.Count - 1);
        }

        _cache.Reserve(rows, batch.Count, longest);
        _trunk.Workspace.PlanTokens(prompts.Count, Math.Max(batch.Count, Speculation.MaxRows));
        Matrix last = _trunk.Workspace.PromptOutput(prompts.Count);
        for (int from = 0, to; from < prompts.Count; from = to)
        {
            _layout.BuildPrompt(prompts[from].Request.Prompt.Span, HeadRows.EveryTarget);
            for (to = from + 1; to < prompts.Count && _layout.RowCount + prompts[to].Request.Prompt.Length <= PrefillRows; to++)
                _layout.AddPrompt(prompts[to].Request.Prompt.Span, HeadRows.EveryTarget);
            _cache.BeginStore(prompts[from].PromptRow);
            Matrix hidden = _trunk.Forward(_layout, keep: false, _cache);
            for (int p = from; p < to; p++)
                hidden.RowSpan(p - from).CopyTo(last.RowSpan(p));
        }

        ReadOnlySpan<(int Token, double LogProb)> drawn =
            _sampler.Draw([.. batch.Select(s => new TokenRow(s, 0))], _pass.Logits(last, _weights), promptOf, tokensOnly: false);
        for (int i = 0; i < batch.Count; i++)
            batch[i].Add(drawn[i].Token, drawn[i].LogProb);
    }
}
