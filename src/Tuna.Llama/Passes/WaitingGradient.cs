using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Passes;

/// <summary>The gradient of a step's only pass, of which the norm alone is known: see <see cref="GradientMode.Recompute"/>.</summary>
internal sealed class WaitingGradient : IDisposable
{
    private readonly TrainingParameters _parameters;
    private readonly LlamaPass _pass;
    private readonly double[] _gradient; // dL/d(output) of every response

    /// <summary>Goes backward once, for the norm.</summary>
    public WaitingGradient(TrainingParameters parameters, LlamaPass pass, ReadOnlySpan<double> gradient)
    {
        (_parameters, _pass, _gradient) = (parameters, pass, gradient.ToArray());
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        var sums = new Dictionary<TrainedWeight, Tensor>();
        pass.Sweep(gradient, weight =>
        {
            if (weight.Gradient is { } arrived)
                sums[weight] = parameters.Operations.Squares([arrived]).DetachFromDisposeScope();
            weight.ClearGradient();
        });
        // In the order in which kept gradients are summed, so that the bits are the same.
        Tensor[] parts = [.. parameters.Weights.Where(sums.ContainsKey).Select(w => sums[w])];
        Norm = parts.Length == 0 ? 0 : Math.Sqrt(parameters.Operations.Link.ReadOne<double>(cat(parts).sum()));
        foreach (Tensor part in parts)
            part.Dispose();
    }

    /// <summary>Global L2 norm.</summary>
    public double Norm { get; }

    /// <summary>Goes backward again and moves each weight when its gradient is there.</summary>
    /// <param name="moves">Which rows move by which rule.</param>
    /// <param name="step">The step, which surely leaves everything finite.</param>
    public void Apply(IReadOnlyList<MovedRows> moves, AdamWStep step)
    {
        using IDisposable mode = no_grad();
        ILookup<TrainedWeight, MovedRows> rules = moves.ToLookup(m => m.Weight);
        _pass.Sweep(_gradient, weight =>
        {
            foreach (MovedRows move in rules[weight])
                weight.Step(move.Row, move.Rows, move.Numbers(step));
            weight.ClearGradient();
        });
    }

    /// <summary>Goes backward again and leaves the gradients with their weights, as if they had been kept.</summary>
    public void Keep() => _pass.Sweep(_gradient, arrived: null);

    public void Dispose() => _pass.Dispose();
}
