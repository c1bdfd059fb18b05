using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Models;

namespace Tuna.Llama.Managed.Model;

/// <summary>All activations of the engine. Each has a name and is a lease of memory that is laid out here, for the rows of a pass and for
/// the new tokens of a sampling call.</summary>
/// <remarks>
/// N token rows of a pass, U of them that a head reads, M new tokens, D width, F width of the MLP, H heads. Of the last layer only keys and
/// values of the other rows are of use, so that from its attention on there are but the U rows. Names that are never in use at once share a
/// place. Blocks grow to the largest pass seen and stay. New tokens have a block of their own: their prompts' passes come between.
/// </remarks>
internal sealed class Workspace : IDisposable
{
    private readonly LlamaConfig _config;
    private readonly AttentionShape _shape;
    private readonly KeptValues _keptValues;
    private readonly LeasedBlock _pass = new(), _tokens = new();
    private readonly Lease[] _residual;
    private readonly LayerLeases[] _layers;
    private Lease _outputInverse, _normed, _hidden, _gradient, _residualGradient, _gateUp, _logits;
    private Lease _tokenResidual, _tokenNormed, _tokenInverse, _tokenQkv, _tokenAttention, _tokenGateUp, _tokenHidden, _tokenLogits,
        _promptOutput;
    private bool _keeps;

    public Workspace(LlamaConfig config, AttentionShape shape, KeptValues keptValues)
    {
        (_config, _shape, _keptValues) = (config, shape, keptValues);
        _residual = new Lease[config.LayerCount + 1];
        _layers = new LayerLeases[config.LayerCount];
    }

    private int D => _config.HiddenSize;

    private int F => _config.IntermediateSize;

    private int NormWidth => _config.QueryKeyNorm ? _shape.QueryWidth + _shape.KeyValueWidth : 0;

    /// <summary>Lays a pass out.</summary>
    /// <param name="rows">N.</param>
    /// <param name="headRows">U.</param>
    /// <param name="keep">Whether backward follows. Otherwise all layers share one set of places, and the residual stream has two by
    /// turns.</param>
    public void Plan(int rows, int headRows, bool keep)
    {
        _keeps = keep;
        _pass.Begin();
        for (int l = 0; l < _layers.Length; l++)
            _layers[l] = keep || l == 0 ? TakeLayer(rows, keep && l == _layers.Length - 1 ? headRows : rows) : _layers[0];
        for (int l = 0; l < _residual.Length; l++)
            _residual[l] = keep || l < 2 ? _pass.Take(keep && l == _layers.Length ? headRows : rows, D) : _residual[l & 1];
        _outputInverse = _pass.Take(headRows, 1);
        _normed = _pass.Take(rows, Math.Max(D, _shape.QueryWidth));
        _hidden = _pass.Take(rows, Math.Max(F, _shape.RowWidth));
        _gradient = _pass.Take(keep ? rows : 0, Math.Max(D, _shape.QueryWidth));
        _residualGradient = _pass.Take(keep ? rows : 0, D);
        // What a pass may not need at all comes last: memory that is never touched is not there.
        _gateUp = _pass.Take(rows, 2 * F);
        _logits = _pass.Take(1, checked((int)LogProbs.RoomFloats(headRows)));
        _pass.End();
    }

    /// <summary>Lays the new tokens of a sampling call out.</summary>
    /// <param name="prompts">Prompts whose last row's output waits for the first draw.</param>
    /// <param name="rows">M at most.</param>
    public void PlanTokens(int prompts, int rows)
    {
        _tokens.Begin();
        _promptOutput = _tokens.Take(prompts, D);
        _tokenResidual = _tokens.Take(rows, D);
        _tokenNormed = _tokens.Take(rows, D);
        _tokenInverse = _tokens.Take(rows, 1);
        _tokenQkv = _tokens.Take(rows, _shape.RowWidth);
        _tokenAttention = _tokens.Take(rows, _shape.QueryWidth);
        _tokenGateUp = _tokens.Take(rows, 2 * F);
        _tokenHidden = _tokens.Take(rows, F);
        _tokenLogits = _tokens.Take(rows, _config.VocabularySize);
        _tokens.End();
    }

    /// <summary>The residual stream before a layer, [N, D]; after the last, [U, D].</summary>
    public Matrix Residual(int layer, int rows) => _pass.Rows(_residual[layer], rows, D);

    /// <summary>Inverse root mean square of a layer's input, [N].</summary>
    public Matrix InputInverse(int layer, int rows) => _pass.Rows(_layers[layer].InputInverse, rows, 1);

    /// <summary>A layer's queries, keys and values after the rotation, [N, RowWidth].</summary>
    public Matrix Qkv(int layer, int rows) => _pass.Rows(_layers[layer].Qkv, rows, _shape.RowWidth);

    /// <summary>A layer's queries and keys before their norm, [N, QueryWidth + KeyValueWidth]; empty in a model without one.</summary>
    public Matrix QueriesAndKeys(int layer, int rows) => _pass.Rows(_layers[layer].QueriesAndKeys, rows, NormWidth);

    /// <summary>Attention's log-sum of each row and head, [N, H].</summary>
    public Matrix LogSum(int layer, int rows) => _pass.Rows(_layers[layer].LogSum, rows, _shape.Heads);

    /// <summary>The residual stream between a layer's attention and its MLP, [N, D], in the last layer [U, D].</summary>
    public Matrix Middle(int layer, int rows) => _pass.Rows(_layers[layer].Middle, rows, D);

    /// <summary>Inverse root mean square of <see cref="Middle"/>, [N], in the last layer [U].</summary>
    public Matrix MiddleInverse(int layer, int rows) => _pass.Rows(_layers[layer].MiddleInverse, rows, 1);

    /// <summary>Whether a layer's gate and up values wait for backward, which otherwise computes them again.</summary>
    public unsafe bool KeepsGateUp(int layer) => _keeps && _keptValues.GateUp(layer) is not null;

    /// <summary>A layer's gate and up values, [N, 2 F], in the last layer [U, 2 F]; those that are not kept share a place.</summary>
    public unsafe Matrix GateUp(int layer, int rows) =>
        KeepsGateUp(layer) ? new Matrix(_keptValues.GateUp(layer), rows, 2 * F) : _pass.Rows(_gateUp, rows, 2 * F);

    /// <summary>Inverse root mean square of the last norm's input, [U].</summary>
    public Matrix OutputInverse(int rows) => _pass.Rows(_outputInverse, rows, 1);

    /// <summary>A norm's output, [N, D]. Shares its place with <see cref="Attention"/> and <see cref="Output"/>: each is used up before the
    /// next.</summary>
    public Matrix Normed(int rows) => _pass.Rows(_normed, rows, D);

    /// <summary>Attention's output, [N, QueryWidth].</summary>
    public Matrix Attention(int rows) => _pass.Rows(_normed, rows, _shape.QueryWidth);

    /// <summary>The last norm's output, [U, D].</summary>
    public Matrix Output(int rows) => _pass.Rows(_normed, rows, D);

    /// <summary>Input of the MLP's second product, or its gradient, [N, F]. Shares its place with <see cref="QkvGradient"/>.</summary>
    public Matrix Hidden(int rows) => _pass.Rows(_hidden, rows, F);

    /// <summary>Gradient of <see cref="Qkv"/>, [N, RowWidth].</summary>
    public Matrix QkvGradient(int rows) => _pass.Rows(_hidden, rows, _shape.RowWidth);

    /// <summary>Gradient of <see cref="Normed"/>, [N, D]. Shares its place with the next two, as what they are gradients of.</summary>
    public Matrix NormedGradient(int rows) => _pass.Rows(_gradient, rows, D);

    /// <summary>Gradient of <see cref="Attention"/>, [N, QueryWidth].</summary>
    public Matrix AttentionGradient(int rows) => _pass.Rows(_gradient, rows, _shape.QueryWidth);

    /// <summary>Gradient of <see cref="Output"/>, [U, D].</summary>
    public Matrix OutputGradient(int rows) => _pass.Rows(_gradient, rows, D);

    /// <summary>Gradient of the residual stream, [N, D].</summary>
    public Matrix ResidualGradient(int rows) => _pass.Rows(_residualGradient, rows, D);

    /// <summary>Room for a block of logits that is not kept, <see cref="LogProbs.RoomFloats"/> of U.</summary>
    public Matrix Logits => _pass.Rows(_logits, 1, (int)_logits.Length);

    /// <summary>The last norm's output at the end of each prompt, [prompts, D].</summary>
    public Matrix PromptOutput(int prompts) => _tokens.Rows(_promptOutput, prompts, D);

    /// <summary>The residual stream of new tokens, [M, D].</summary>
    public Matrix TokenResidual(int rows) => _tokens.Rows(_tokenResidual, rows, D);

    /// <summary>A norm's output, [M, D].</summary>
    public Matrix TokenNormed(int rows) => _tokens.Rows(_tokenNormed, rows, D);

    /// <summary>Inverse root mean square of a norm's input, [M].</summary>
    public Matrix TokenInverse(int rows) => _tokens.Rows(_tokenInverse, rows, 1);

    /// <summary>Queries, keys and values, [M, RowWidth].</summary>
    public Matrix TokenQkv(int rows) => _tokens.Rows(_tokenQkv, rows, _shape.RowWidth);

    /// <summary>Attention's output, [M, QueryWidth].</summary>
    public Matrix TokenAttention(int rows) => _tokens.Rows(_tokenAttention, rows, _shape.QueryWidth);

    /// <summary>Gate and up values, [M, 2 F].</summary>
    public Matrix TokenGateUp(int rows) => _tokens.Rows(_tokenGateUp, rows, 2 * F);

    /// <summary>Input of the MLP's second product, [M, F].</summary>
    public Matrix TokenHidden(int rows) => _tokens.Rows(_tokenHidden, rows, F);

    /// <summary>Logits of what follows, [M, V].</summary>
    public Matrix TokenLogits(int rows) => _tokens.Rows(_tokenLogits, rows, _config.VocabularySize);

    /// <summary>Keeps some rows of everything that waits for backward, increasing, and moves them to the front.</summary>
    /// <param name="kept">Rows up to the last layer's attention.</param>
    /// <param name="keptHeadRows">Rows from there on.</param>
    public void Compact(ReadOnlySpan<int> kept, ReadOnlySpan<int> keptHeadRows)
    {
        for (int l = 0; l < _layers.Length; l++)
        {
            LayerLeases layer = _layers[l];
            ReadOnlySpan<int> keptAfter = l == _layers.Length - 1 ? keptHeadRows : kept;
            Compact(_residual[l], D, kept);
            Compact(layer.InputInverse, 1, kept);
            Compact(layer.Qkv, _shape.RowWidth, kept);
            Compact(layer.QueriesAndKeys, NormWidth, kept);
            Compact(layer.LogSum, _shape.Heads, kept);
            Compact(layer.Middle, D, keptAfter);
            Compact(layer.MiddleInverse, 1, keptAfter);
            _keptValues.CompactGateUp(l, keptAfter);
        }

        Compact(_residual[^1], D, keptHeadRows);
        Compact(_outputInverse, 1, keptHeadRows);
    }

    public void Dispose()
    {
        _pass.Dispose();
        _tokens.Dispose();
    }

    private LayerLeases TakeLayer(int rows, int rowsAfter) => new(
        InputInverse: _pass.Take(rows, 1),
        Qkv: _pass.Take(rows, _shape.RowWidth),
        QueriesAndKeys: _pass.Take(rows, NormWidth),
        LogSum: _pass.Take(rows, _shape.Heads),
        Middle: _pass.Take(rowsAfter, D),
        MiddleInverse: _pass.Take(rowsAfter, 1));

    private unsafe void Compact(Lease lease, int width, ReadOnlySpan<int> kept) =>
        Rows.Compact(_pass.Rows(lease, kept.Length, width).Data, width, kept);

    /// <summary>What a layer keeps for its backward pass.</summary>
    private readonly record struct LayerLeases(Lease InputInverse, Lease Qkv, Lease QueriesAndKeys, Lease LogSum, Lease Middle,
        Lease MiddleInverse);
}
