using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Model;

/// <summary>The language-model head: the sum of the log-probabilities of a response's tokens.</summary>
internal sealed unsafe class VocabularyHead(LlamaConfig config, LlamaParameters parameters, WorkerPool pool, KeptValues keptValues,
    Workspace workspace) : IPolicyHead
{
    private readonly LogProbs _kernel = new();
    private double[] _logSum = [];
    private double[] _targets = [];
    private double[] _coefficients = [];

    public HeadRows Reads => HeadRows.EveryTarget;

    public bool HasLogits => true;

    public bool WritesEmbedding => parameters.OutputEmbedding == parameters.Embedding;

    /// <summary>Log-probability of each target of the last <see cref="Forward"/>, in the order of
    /// <see cref="BatchLayout.TargetTokens"/>.</summary>
    public ReadOnlySpan<double> TargetLogProbs => _targets;

    private int D => config.HiddenSize;

    public void Forward(BatchLayout layout, in Matrix hidden, bool keep, Span<double> outputs)
    {
        Grow(ref _targets, layout.TargetTokens.Length);
        Grow(ref _logSum, hidden.Rows);
        ReadOnlySpan<nint> kept = keep ? keptValues.Logits : [];
        _kernel.Forward(pool, hidden, Weight(parameters.Weights), layout.TargetStarts, layout.TargetTokens, _targets, _logSum,
            workspace.Logits.Data, kept);
        outputs.Clear();
        for (int e = 0; e < layout.TargetTokens.Length; e++)
            outputs[layout.TargetResponses[e]] += _targets[e];
    }

    public void Backward(BatchLayout layout, in Matrix hidden, ReadOnlySpan<int> kept, ReadOnlySpan<double> gradient, in Matrix dHidden,
        Update update)
    {
        // The rows that are left move to the front, and what belongs to them with them.
        for (int u = 0; u < kept.Length; u++)
        {
            _logSum[u] = _logSum[kept[u]];
            hidden.RowSpan(kept[u]).CopyTo(hidden.RowSpan(u));
            _kernel.MoveRow(kept[u], u);
        }

        Grow(ref _coefficients, layout.TargetTokens.Length);
        for (int e = 0; e < layout.TargetTokens.Length; e++)
            _coefficients[e] = gradient[layout.TargetResponses[e]];
        Matrix x = hidden.SliceRows(0, kept.Length);
        _kernel.Backward(pool, x, Weight(parameters.Weights), layout.TargetStarts, layout.TargetTokens, _coefficients, _logSum, dHidden,
            Weight(parameters.Gradient), workspace.Logits.Data, update);
    }

    private Matrix Weight(float* block) => new(block + parameters.OutputEmbedding, config.VocabularySize, D);

    private static void Grow<T>(ref T[] array, int count)
    {
        if (array.Length < count)
            Array.Resize(ref array, count);
    }
}
