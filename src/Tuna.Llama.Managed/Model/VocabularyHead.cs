using Tuna.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Model;

/// <summary>The language-model head: the sum of the log-probabilities of a response's tokens.</summary>
internal sealed unsafe class VocabularyHead(LlamaConfig config, LlamaParameters parameters, WorkerPool pool, KeptValues keptValues) : IPolicyHead
{
    private readonly LogProbs _kernel = new();
    private int[] _places = [];
    private double[] _logSum = [];
    private double[] _targets = [];
    private double[] _coefficients = [];

    public HeadRows Reads => HeadRows.EveryTarget;

    public bool HasLogits => true;

    public bool WritesEmbedding => parameters.OutputEmbedding == parameters.Embedding;

    /// <summary>Log-probability of each target of the last <see cref="Forward"/>, in the order of <see cref="BatchLayout.TargetTokens"/>.</summary>
    public ReadOnlySpan<double> TargetLogProbs => _targets;

    private int D => config.HiddenSize;

    public void Forward(BatchLayout layout, in Matrix hidden, bool keep, Span<double> outputs)
    {
        // The rows that predict something move to the front: a row's place is never above its number.
        Grow(ref _places, hidden.Rows);
        for (int u = 0; u < layout.HeadRows.Length; u++)
        {
            _places[layout.HeadRows[u]] = u;
            hidden.RowSpan(layout.HeadRows[u]).CopyTo(hidden.RowSpan(u));
        }

        Matrix x = hidden.SliceRows(0, layout.HeadRows.Length);
        Grow(ref _targets, layout.TargetTokens.Length);
        Grow(ref _logSum, x.Rows);
        _kernel.Forward(pool, x, Weight(parameters.Weights), layout.TargetStarts, layout.TargetTokens, _targets, _logSum, keep ? keptValues.Logits : []);
        outputs.Clear();
        for (int e = 0; e < layout.TargetTokens.Length; e++)
            outputs[layout.TargetResponses[e]] += _targets[e];
    }

    public void Backward(BatchLayout layout, in Matrix hidden, ReadOnlySpan<int> kept, ReadOnlySpan<double> gradient, in Matrix dHidden, bool accumulate)
    {
        // The rows that are left move to the front again, and their log-sums with them.
        for (int u = 0; u < layout.HeadRows.Length; u++)
        {
            int place = _places[kept[layout.HeadRows[u]]];
            _logSum[u] = _logSum[place];
            hidden.RowSpan(place).CopyTo(hidden.RowSpan(u));
            _kernel.MoveRow(place, u);
        }

        Grow(ref _coefficients, layout.TargetTokens.Length);
        for (int e = 0; e < layout.TargetTokens.Length; e++)
            _coefficients[e] = gradient[layout.TargetResponses[e]];
        Matrix x = hidden.SliceRows(0, layout.HeadRows.Length), dx = dHidden.SliceRows(0, layout.HeadRows.Length);
        _kernel.Backward(pool, x, Weight(parameters.Weights), layout.TargetStarts, layout.TargetTokens, _coefficients, _logSum, dx, Weight(parameters.Gradient), accumulate);

        // From the last row on, so that no gradient is overwritten before it has moved to its row.
        for (int t = dHidden.Rows - 1, u = dx.Rows - 1; t >= 0; t--)
        {
            if (u >= 0 && layout.HeadRows[u] == t)
                dx.RowSpan(u--).CopyTo(dHidden.RowSpan(t));
            else
                dHidden.RowSpan(t).Clear();
        }
    }

    public void Dispose() => _kernel.Dispose();

    private Matrix Weight(float* block) => new(block + parameters.OutputEmbedding, config.VocabularySize, D);

    private static void Grow<T>(ref T[] array, int count)
    {
        if (array.Length < count)
            Array.Resize(ref array, count);
    }
}
