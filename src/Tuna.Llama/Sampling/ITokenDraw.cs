using static TorchSharp.torch;

namespace Tuna.Llama.Sampling;

/// <summary>Draws the next token of each sample, a few steps between one look of the host and the next.</summary>
internal interface ITokenDraw : IDisposable
{
    /// <summary>How many steps are drawn before the host must look: 1 where it draws itself.</summary>
    int StepsAhead { get; }

    /// <summary>Prepares for some steps of some samples.</summary>
    void Begin(IReadOnlyList<SampleState> samples, int steps);

    /// <summary>Draws.</summary>
    /// <param name="logits">Logits, [R, V], of the model's type.</param>
    /// <param name="rows">Row of each sample's logits, [S].</param>
    /// <returns>The tokens, Int64, [S]: the next step's input; freed by <see cref="End"/>.</returns>
    Tensor Draw(Tensor logits, int[] rows);

    /// <summary>Hands the drawn tokens over to the samples.</summary>
    void End();
}

/// <summary>On the host, from logits that cross to it: where there are no kernels.</summary>
internal sealed class HostDraw : ITokenDraw
{
    private readonly TokenSampler _sampler = new();
    private readonly List<Tensor> _drawn = [];
    private IReadOnlyList<SampleState> _samples = [];

    public int StepsAhead => 1;

    public void Begin(IReadOnlyList<SampleState> samples, int steps) => _samples = samples;

    public Tensor Draw(Tensor logits, int[] rows)
    {
        float[] values;
        using (DisposeScope scope = NewDisposeScope())
            values = logits.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
        int vocabulary = (int)logits.shape[1];
        var tokens = new long[rows.Length];
        for (int s = 0; s < rows.Length; s++)
        {
            if (!_samples[s].Done)
                _samples[s].Draw(values.AsSpan(rows[s] * vocabulary, vocabulary), _sampler);
            tokens[s] = _samples[s].Tokens[^1];
        }

        _drawn.Add(tensor(tokens, device: logits.device).DetachFromDisposeScope());
        return _drawn[^1];
    }

    public void End()
    {
        _drawn.ForEach(t => t.Dispose());
        _drawn.Clear();
    }

    public void Dispose() => End();
}
