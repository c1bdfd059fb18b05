using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Sampling;

/// <summary>Draws the next token of each sample, a few steps between one look of the host and the next.</summary>
internal interface ITokenDraw : IDisposable
{
    /// <summary>How many steps are drawn before the host must look: 1 where it draws itself.</summary>
    int StepsAhead { get; }

    /// <summary>Prepares for some steps of some samples.</summary>
    /// <param name="samples">The samples, S.</param>
    /// <param name="rows">Row of each sample's logits, [S].</param>
    /// <param name="steps">How many steps; each is drawn.</param>
    void Begin(IReadOnlyList<SampleState> samples, int[] rows, int steps);

    /// <summary>Draws the next step.</summary>
    /// <param name="logits">Logits, [R, V], of the model's type.</param>
    /// <returns>The tokens, Int64, [S]: the next step's input; freed by <see cref="End"/>.</returns>
    Tensor Draw(Tensor logits);

    /// <summary>Hands the drawn tokens over to the samples.</summary>
    void End();
}

/// <summary>On the host, from logits that cross to it: where there are no kernels.</summary>
/// <param name="link">How they cross.</param>
internal sealed class HostDraw(HostLink link) : ITokenDraw
{
    private readonly TokenSampler _sampler = new();
    private readonly List<Tensor> _drawn = [];
    private IReadOnlyList<SampleState> _samples = [];
    private int[] _rows = [];

    public int StepsAhead => 1;

    public void Begin(IReadOnlyList<SampleState> samples, int[] rows, int steps) => (_samples, _rows) = (samples, rows);

    public Tensor Draw(Tensor logits)
    {
        float[] values;
        using (DisposeScope scope = NewDisposeScope())
            values = link.Read<float>(logits.to(ScalarType.Float32));
        int vocabulary = (int)logits.shape[1];
        var tokens = new long[_rows.Length];
        for (int s = 0; s < _rows.Length; s++)
        {
            if (!_samples[s].Done)
                _samples[s].Draw(values.AsSpan(_rows[s] * vocabulary, vocabulary), _sampler);
            tokens[s] = _samples[s].Tokens[^1];
        }

        _drawn.Add(link.Write(tokens, logits.device).DetachFromDisposeScope());
        return _drawn[^1];
    }

    public void End()
    {
        _drawn.ForEach(t => t.Dispose());
        _drawn.Clear();
    }

    public void Dispose() => End();
}
