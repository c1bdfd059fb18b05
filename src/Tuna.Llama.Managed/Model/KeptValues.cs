using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Model;

/// <summary>Where what forward computes waits for backward, which would otherwise compute it again: the MLPs' gate and up values, and
/// blocks of logits.</summary>
/// <remarks>
/// After an optimizer step the memory of the gradient holds nothing until backward writes there, so that values may wait in it if backward
/// reads them before it writes that part. It writes the output embedding's gradient first, block after block, then the layers' from the
/// last to the first; the first layers' memory thus has room the longest. What does not fit there goes into memory of its own, as far as
/// that is allowed. A value costs its width in multiply-adds wherever it waits, so that none goes before another.
/// </remarks>
/// <param name="config">The model.</param>
/// <param name="parameters">The parameters, whose gradient's memory is used.</param>
/// <param name="ownBytes">Most memory beside it.</param>
internal sealed unsafe class KeptValues(LlamaConfig config, LlamaParameters parameters, long ownBytes) : IDisposable
{
    // Floats of a cache line: where rows begin does not matter to the result, but to the speed.
    private const int Line = 16;

    private readonly NativeBuffer _own = new();
    private readonly nint[] _gateUp = new nint[config.LayerCount];
    private readonly nint[] _logits = new nint[LogProbs.Blocks(config.VocabularySize)];
    private int _logitBlocks;

    /// <summary>Whether the gradient's memory is used. For tests, which compare.</summary>
    public bool UsesGradient { get; set; } = true;

    /// <summary>A layer's gate and up values, [N, 2 F], or null when they are to be computed again.</summary>
    public float* GateUp(int layer) => (float*)_gateUp[layer];

    /// <summary>The first blocks of logits, each <see cref="LogProbs.BlockFloats"/> long; the others are to be computed again.</summary>
    public ReadOnlySpan<nint> Logits => _logits.AsSpan(0, _logitBlocks);

    /// <summary>Finds places for the values of a pass. They hold until the next call or until backward has read them.</summary>
    /// <param name="rows">Token rows, N.</param>
    /// <param name="logitRows">Rows that have logits, U; 0 when the head makes none.</param>
    public void Plan(int rows, int logitRows)
    {
        Array.Clear(_gateUp);
        _logitBlocks = 0;
        long gateUp = Up(2L * config.IntermediateSize * rows), logits = LogProbs.BlockFloats(logitRows);
        int blocks = logitRows == 0 ? 0 : _logits.Length;
        parameters.EnsureGradient();
        int layersLeft = UsesGradient && parameters.GradientIsZero ? UseGradient(gateUp, logits, blocks) : config.LayerCount;

        // Beside it: first the layers that are left, from the last to the first, then blocks of logits.
        long allowed = ownBytes / sizeof(float);
        int ownLayers = (int)Math.Min(layersLeft, allowed / gateUp);
        int ownBlocks = blocks == 0 ? 0 : (int)Math.Min(blocks - _logitBlocks, (allowed - (ownLayers * gateUp)) / logits);
        float* own = _own.Ensure((ownLayers * gateUp) + (ownBlocks * logits));
        for (int i = 0; i < ownLayers; i++, own += gateUp)
            _gateUp[--layersLeft] = (nint)own;
        for (int i = 0; i < ownBlocks; i++, own += logits)
            _logits[_logitBlocks++] = (nint)own;
    }

    /// <summary>Keeps the rows <paramref name="kept"/> of a layer's gate and up values, increasing, and moves them to the front.</summary>
    public void CompactGateUp(int layer, ReadOnlySpan<int> kept)
    {
        if (_gateUp[layer] != 0)
            Rows.Compact(GateUp(layer), 2 * config.IntermediateSize, kept);
    }

    public void Dispose() => _own.Dispose();

    /// <summary>Fills the gradient's memory; returns how many layers, the first ones, found no place.</summary>
    private int UseGradient(long gateUp, long logits, int blocks)
    {
        long start = Up(parameters.Layers[0].InputNorm), end = parameters.FinalNorm / Line * Line;
        long layer = (parameters.FinalNorm - parameters.Layers[0].InputNorm) / config.LayerCount;

        // The values of the last layers, one after another from the start of the layers' memory on: backward has read a layer's when it
        // writes the gradient of the layer itself.
        int count = config.LayerCount;
        while (count > 0 && !(Fits(config.LayerCount - count, 1) && Fits(config.LayerCount - 1, count)))
            count--;
        int left = config.LayerCount - count;
        for (int i = 0; i < count; i++, start += gateUp)
            _gateUp[left + i] = Place(start);

        // Logits at the end of the output embedding's memory: backward has read a block when it writes the gradient of the next, so that
        // the first may wait there.
        long head = (parameters.OutputEmbedding + ((long)config.VocabularySize * config.HiddenSize)) / Line * Line;
        int inHead = blocks;
        while (inHead > 0 && (head - (inHead * logits) < WrittenUpTo(1) || head - logits < WrittenUpTo(inHead)))
            inHead--;
        for (int b = 0; b < inHead; b++)
            _logits[_logitBlocks++] = Place(head - ((inHead - b) * logits));
        for (; _logitBlocks < blocks && start + logits <= end; start += logits)
            _logits[_logitBlocks++] = Place(start);
        return left;

        // Whether so many layers' values end before the gradient of a layer begins. What holds for the first of those kept and for the last
        // holds for those between.
        bool Fits(int before, int values) => start + (values * gateUp) <= parameters.Layers[0].InputNorm + (before * layer);

        // What of the output embedding's gradient is written when so many blocks of logits are used up.
        long WrittenUpTo(int blocksDone) =>
            parameters.OutputEmbedding + (Math.Min(config.VocabularySize, (long)blocksDone * LogProbs.BlockTokens) * config.HiddenSize);
    }

    private nint Place(long offset) => (nint)(parameters.Gradient + offset);

    private static long Up(long floats) => (floats + Line - 1) / Line * Line;
}
