using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Keys and values of all layers: a part for each prompt, shared by its samples, and a part for each sample.</summary>
/// <remarks>Everything is set aside before the first token is sampled.</remarks>
internal sealed unsafe class KeyValueCache(int layers, AttentionShape shape) : IKeyValueSink, IDisposable
{
    private readonly NativeBuffer _prompts = new(), _samples = new();
    private int _promptRows, _samplesCount, _rowsPerSample, _firstRow;

    // Floats per token: its keys and its values.
    private int Width => 2 * shape.KeyValueWidth;

    /// <summary>Makes room.</summary>
    /// <param name="promptRows">Tokens of all prompts.</param>
    /// <param name="samples">Number of samples.</param>
    /// <param name="rowsPerSample">Tokens of a sample at most.</param>
    public void Reserve(int promptRows, int samples, int rowsPerSample)
    {
        (_promptRows, _samplesCount, _rowsPerSample) = (promptRows, samples, rowsPerSample);
        _prompts.Ensure((long)layers * promptRows * Width);
        _samples.Ensure((long)layers * samples * rowsPerSample * Width);
    }

    /// <summary>The prompt of <paramref name="length"/> tokens whose first is the <paramref name="row"/>th of all prompts' tokens, in a
    /// layer.</summary>
    public CachedTokens Prompt(int layer, int row, int length) =>
        new(_prompts.Pointer + (((long)layer * _promptRows) + row) * Width, length, length);

    /// <summary>The first <paramref name="count"/> tokens of a sample in a layer.</summary>
    public CachedTokens Sample(int layer, int sample, int count) =>
        new(_samples.Pointer + (((long)layer * _samplesCount) + sample) * _rowsPerSample * Width, _rowsPerSample, count);

    /// <summary>Says where the prompts of the next batch go.</summary>
    public void BeginStore(int firstRow) => _firstRow = firstRow;

    public void Store(int layer, BatchLayout layout, in Matrix qkv, AttentionShape _)
    {
        foreach (GroupSpan group in layout.Groups)
        {
            CachedTokens prompt = Prompt(layer, _firstRow + group.PromptStart, group.PromptLength);
            for (int t = 0; t < group.PromptLength; t++)
                prompt.Store(shape, t, qkv.Row(group.PromptStart + t) + shape.QueryWidth);
        }
    }

    public void Dispose()
    {
        _prompts.Dispose();
        _samples.Dispose();
    }
}
