using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>One token of a sample that goes through the layers: its last, or one of its draft.</summary>
/// <param name="Sample">The sample.</param>
/// <param name="Ahead">0 for its last token, a for the ath of its draft.</param>
internal readonly record struct TokenRow(SampleState Sample, int Ahead)
{
    public int Token => Ahead == 0 ? Sample.Tokens[^1] : Sample.Draft[Ahead - 1];

    /// <summary>Own tokens of the sample up to this one.</summary>
    public int Count => Sample.Tokens.Count + Ahead;

    public int Position => Sample.Request.Prompt.Length + Count - 1;
}

/// <summary>Takes new tokens of some samples through the layers to the logits of what follows them.</summary>
/// <remarks>A row's bits depend on its sample's tokens alone, not on which rows go with it: several tokens of a sample give what they would
/// one by one.</remarks>
internal sealed unsafe class TokenPass
{
    private readonly LlamaConfig _config;
    private readonly LlamaParameters _parameters;
    private readonly Rope _rope;
    private readonly WorkerPool _pool;
    private readonly AttentionShape _shape;
    private readonly KeyValueCache _cache;
    private readonly Workspace _workspace;
    private readonly Additions _additions;
    private readonly List<int> _tokens = [], _positions = [];
    private readonly List<CachedSequence> _sequences = [];

    public TokenPass(LlamaConfig config, LlamaParameters parameters, LlamaTrunk trunk, WorkerPool pool, KeyValueCache cache)
    {
        (_config, _parameters, _pool, _cache) = (config, parameters, pool, cache);
        (_rope, _shape, _workspace, _additions) =
            (trunk.Rope, trunk.Shape, trunk.Workspace, new Additions(config, parameters, pool, trunk.Shape));
    }

    /// <summary>Computes rows and keeps their keys and values in place of what was there.</summary>
    /// <param name="rows">Tokens, at most as many as the workspace has room for; of a sample also those before that are not in the cache
    /// yet, in order.</param>
    /// <param name="weights">What to multiply with.</param>
    /// <returns>Logits, [M, V], until the next call.</returns>
    public Matrix Forward(List<TokenRow> rows, IDecodingProducts weights)
    {
        int n = rows.Count, longest = 0;
        _tokens.Clear();
        _positions.Clear();
        foreach (TokenRow row in rows)
        {
            _tokens.Add(row.Token);
            _positions.Add(row.Position);
            longest = Math.Max(longest, row.Position + 1);
        }

        _rope.Ensure(longest);
        Matrix x = _workspace.TokenResidual(n), normed = _workspace.TokenNormed(n), qkv = _workspace.TokenQkv(n),
            attention = _workspace.TokenAttention(n);
        Matrix gateUp = _workspace.TokenGateUp(n), hidden = _workspace.TokenHidden(n);
        float* inverse = _workspace.TokenInverse(n).Data, w = _parameters.Weights;
        float eps = (float)_config.RmsNormEpsilon;
        Embedding.Forward(_pool, CollectionsMarshal.AsSpan(_tokens),
            new Matrix(w + _parameters.Embedding, _config.VocabularySize, _config.HiddenSize), x);
        for (int l = 0; l < _config.LayerCount; l++)
        {
            LayerSlots at = _parameters.Layers[l];
            RmsNorm.Forward(_pool, x, w + at.InputNorm, eps, normed, inverse);
            weights.Multiply(normed, DecodingMatrix.Qkv, l, qkv, Update.Set);
            _additions.Bias(at.QkvBias, qkv);
            _additions.Norm(at, qkv, qkv.SliceColumns(0, 0));
            _rope.Forward(_pool, _shape.QueriesAndKeys(qkv), CollectionsMarshal.AsSpan(_positions));
            Store(l, rows, qkv);
            CachedAttention.Forward(_pool, _shape, qkv, CollectionsMarshal.AsSpan(_sequences), attention);
            weights.Multiply(attention, DecodingMatrix.Output, l, x, Update.Add);
            _additions.Bias(at.OutputBias, x);
            RmsNorm.Forward(_pool, x, w + at.PostNorm, eps, normed, inverse);
            weights.Multiply(normed, DecodingMatrix.GateUp, l, gateUp, Update.Set);
            _additions.Bias(at.GateUpBias, gateUp);
            SwiGlu.Forward(_pool, gateUp, hidden);
            weights.Multiply(hidden, DecodingMatrix.Down, l, x, Update.Add);
            _additions.Bias(at.DownBias, x);
        }

        RmsNorm.Forward(_pool, x, w + _parameters.FinalNorm, eps, normed, inverse);
        return Logits(normed, weights);
    }

    /// <summary>Logits of hidden states, [M, V], until the next call.</summary>
    public Matrix Logits(in Matrix hidden, IDecodingProducts weights)
    {
        Matrix logits = _workspace.TokenLogits(hidden.Rows);
        weights.Multiply(hidden, DecodingMatrix.Logits, 0, logits, Update.Set);
        return logits;
    }

    /// <summary>Puts the rows' keys and values into the cache and says what each row sees.</summary>
    private void Store(int layer, List<TokenRow> rows, in Matrix qkv)
    {
        _sequences.Clear();
        for (int i = 0; i < rows.Count; i++)
        {
            SampleState sample = rows[i].Sample;
            CachedTokens own = _cache.Sample(layer, sample.CacheSlot, rows[i].Count);
            own.Store(_shape, rows[i].Count - 1, qkv.Row(i) + _shape.QueryWidth);
            _sequences.Add(new CachedSequence(_cache.Prompt(layer, sample.PromptRow, sample.Request.Prompt.Length), own));
        }
    }
}
