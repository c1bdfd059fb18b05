using Tuna.Llama.Batches;
using Tuna.Llama.Model;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Sampling;

/// <summary>Draws samples, up to a number at once: a sample that is done makes room for one that waits, whose prompt is then
/// computed.</summary>
/// <remarks>Samples of one request that begin together share their prompt's pass. What a sample draws does not depend on the others beside
/// it.</remarks>
internal sealed class Decoder : IDisposable
{
    private const int RoomStep = 64; // the cache's room is a multiple, so that sizes recur

    private readonly LlamaModel _model;
    private readonly Queue<SampleState> _waiting;
    private readonly KeyValueCache _cache;
    private readonly ITokenDraw _draw;
    private readonly List<SampleState> _active = []; // in the order of the cache; some may be done
    private readonly int _limit;

    /// <param name="model">The model.</param>
    /// <param name="samples">What to draw; the samples of a request are neighbours.</param>
    /// <param name="limit">How many at once.</param>
    /// <param name="ahead">How many tokens a sample may be drawn ahead of the host's look, where the device draws.</param>
    public Decoder(LlamaModel model, IReadOnlyList<SampleState> samples, int limit, int ahead)
    {
        _model = model;
        _waiting = new Queue<SampleState>(samples);
        _limit = Math.Min(limit, samples.Count);
        _cache = new KeyValueCache(model.Parts, model.Config.LayerCount, _limit,
            Room(samples.Max(s => s.Request.Prompt.Length + s.Request.MaxNewTokens)));
        _draw = model.Parts.Operations.Kernels is { } kernels ? new DeviceDraw(kernels, Link, model.Device, ahead) : new HostDraw(Link);
    }

    /// <summary>Places of a cache for sequences up to a length.</summary>
    internal static int Room(int longest) => (longest + RoomStep - 1) / RoomStep * RoomStep;

    private HostLink Link => _model.Parts.Operations.Link;

    /// <summary>Whether every sample is complete.</summary>
    public bool Done => _waiting.Count == 0 && _active.TrueForAll(s => s.Done);

    /// <summary>Lets waiting samples join, or draws the next token, or a few, of those that are not done.</summary>
    public void Step(CancellationToken cancellationToken)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int free = _limit - _active.Count(s => !s.Done);
        // A join interrupts the others for a prompt's pass: worth it for a quarter of the samples at once.
        if (_waiting.Count > 0 && 4 * free >= Math.Min(_limit, 4 * _waiting.Count))
            Join(cancellationToken);
        else
            Advance(cancellationToken);
    }

    private void Advance(CancellationToken cancellationToken)
    {
        Compact();
        int steps = Math.Max(1, Math.Min(_draw.StepsAhead, _active.Where(s => !s.Done).Max(s => s.Request.MaxNewTokens - s.Tokens.Count)));
        _draw.Begin(_active, [.. Enumerable.Range(0, _active.Count)], steps);
        Tensor tokens = Link.Write(_active.Select(s => (long)s.Tokens[^1]).ToArray(), _model.Device);
        // A sample that is done goes on computing until it is replaced; its draws are dropped.
        int[] places = [.. _active.Select(s => Math.Min(s.Request.Prompt.Length + s.Tokens.Count - 1, _cache.Room - 1))];
        using var plan = DecodePlan.Of(_model.Parts, _cache, places);
        for (int t = 0; t < steps; t++)
        {
            using DisposeScope scope = NewDisposeScope();
            if (t > 0)
                plan.Advance();
            Tensor x = _model.EmbeddingWeight.Data.index_select(0, tokens);
            tokens.Dispose();
            tokens = _draw.Draw(Logits(LayerRun.Run(_model, x, plan, 0, _model.Layers.Count, null, cancellationToken)))
                .DetachFromDisposeScope();
        }

        tokens.Dispose();
        _draw.End();
    }

    /// <summary>Computes the prompts of waiting samples and draws their first tokens; they take the places of those that are
    /// done.</summary>
    private void Join(CancellationToken cancellationToken)
    {
        var joining = new List<(int Slot, SampleState Sample)>();
        for (int slot = 0; slot < _limit && _waiting.Count > 0; slot++)
        {
            if (slot < _active.Count && !_active[slot].Done)
                continue;
            SampleState sample = _waiting.Dequeue();
            joining.Add((slot, sample));
            if (slot < _active.Count)
                _active[slot] = sample;
            else
                _active.Add(sample);
        }

        List<SampleState> samples = [.. joining.Select(j => j.Sample)];
        var prompts = new List<ReadOnlyMemory<int>>();
        var prompt = new int[samples.Count]; // which prompt is whose
        for (int s = 0; s < samples.Count; s++)
        {
            if (s == 0 || samples[s].RequestIndex != samples[s - 1].RequestIndex)
                prompts.Add(samples[s].Request.Prompt);
            prompt[s] = prompts.Count - 1;
        }

        PackedBatch batch = PackedBatch.OfPrompts(prompts);
        var source = new List<long>();
        var target = new List<long>();
        for (int s = 0; s < samples.Count; s++)
        {
            Segment segment = batch.Segments[prompt[s]];
            for (int i = 0; i < segment.PromptLength; i++)
            {
                source.Add(segment.Start + i);
                target.Add(((long)joining[s].Slot * _cache.Room) + i);
            }
        }

        using Tensor from = Link.Write(source.ToArray(), _model.Device), to = Link.Write(target.ToArray(), _model.Device);
        using PackedPlan plan = PackedPlan.Of(batch, _model.Parts);
        plan.OnKeyValues = (layer, k, v) =>
        {
            using Tensor keys = k.index_select(0, from), values = v.index_select(0, from);
            _cache.Write(layer, to, keys, values);
        };
        Tensor x = LayerRun.Run(_model, LayerRun.Embed(_model, batch), plan, 0, _model.Layers.Count, null, cancellationToken);

        // Every prompt predicts its next token from its last row; its samples share the logits.
        Tensor last = x.index_select(0, Link.WriteIndices(batch.Targets.Rows, _model.Device));
        _draw.Begin(samples, prompt, 1);
        _draw.Draw(Logits(last));
        _draw.End();
    }

    private Tensor Logits(Tensor x) => nn.functional.linear(_model.Norm.Run(x, _model.Parts.Operations), _model.HeadWeight.Data);

    /// <summary>Leaves out what is done once it is half of the batch and nothing waits: copying the cache then pays.</summary>
    private void Compact()
    {
        int[] left = [.. Enumerable.Range(0, _active.Count).Where(s => !_active[s].Done)];
        if (_waiting.Count > 0 || left.Length == 0 || left.Length * 2 > _active.Count)
            return;
        _cache.Keep(left, _model.Parts);
        SampleState[] kept = [.. left.Select(s => _active[s])];
        _active.Clear();
        _active.AddRange(kept);
    }

    public void Dispose()
    {
        _draw.Dispose();
        _cache.Dispose();
    }
}
