using System.Runtime.InteropServices;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using TorchSharp;
using static TorchSharp.torch;

namespace Tuna.Llama;

public abstract partial class TorchPolicy
{
    private bool _summed; // the gradient is a sum of leaves
    private double? _norm; // of the gradient as it is
    private WaitingGradient? _waiting; // instead of gradients with their weights
    private bool _keepsGradients; // also where they might be computed again
    private bool _halfMoved; // some weights took a step and others did not

    /// <summary>A copy of a trained parameter's accumulated gradient, or null when nothing was accumulated; for tests and
    /// inspection.</summary>
    /// <param name="name">Checkpoint name of the parameter.</param>
    /// <exception cref="ArgumentException">There is no such trained parameter.</exception>
    public float[]? AccumulatedGradient(string name)
    {
        using Turn turn = TakeTurn(passMayBeOpen: true);
        TrainedParameter parameter = Training.List.FirstOrDefault(p => p.Name == name)
            ?? throw new ArgumentException($"There is no trained parameter '{name}'.", nameof(name));
        KeepWaiting();
        using DisposeScope scope = NewDisposeScope();
        return parameter.Gradient()?.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
    }

    /// <inheritdoc/>
    protected override void BackwardCore(ReadOnlySpan<double> gradient)
    {
        _norm = null;
        if (_options.Gradients == GradientMode.Keep || _keepsGradients || _copies is not null
            || Training.Weights.Any(w => w.Gradient is not null))
            Training.Pass.Backward(gradient);
        else
            _waiting = new WaitingGradient(Training, Training.Pass, gradient);
    }

    /// <inheritdoc/>
    protected override void ClosePass()
    {
        if (_waiting is null)
            Training.ClosePass();
        else
            Training.Release(); // the step goes through it again
    }

    /// <inheritdoc/>
    protected override double GradientNormCore() =>
        _norm ??= _waiting?.Norm ?? (_summed ? _copies!.GradientNorm() : AdamWOptimizer.GradientNorm(Training));

    /// <inheritdoc/>
    /// <exception cref="NonFiniteStepException">The gradient is not finite, or the step would leave weights or moments that are not;
    /// nothing was changed.</exception>
    protected override void ApplyGradientsCore(in AdamWStep step)
    {
        try
        {
            if (_waiting is { } waiting && AdamWOptimizer.Prepare(Training, step, waiting.Norm) is { } moves)
            {
                _halfMoved = true;
                waiting.Apply(moves, step);
                _halfMoved = false;
                DropWaiting();
            }
            else
            {
                KeepWaiting();
                AdamWOptimizer.Step(Training, _copies, step, GradientNormCore());
            }

            (_summed, _norm) = (false, null);
            (_passesOfAStep, _passesSinceStep) = (Math.Clamp(_passesSinceStep, 1, 2), 0);
        }
        catch (ExternalException e) when (DeviceMemoryException.Is(e))
        {
            throw DeviceMemoryException.Of(e, "in the optimizer's step", _options, null, DeviceMemoryException.TrainingAdvice(_options, 0));
        }
    }

    /// <inheritdoc/>
    protected override void ClearGradientsCore()
    {
        (_summed, _norm, _passesSinceStep) = (false, null, 0);
        DropWaiting();
        Training.ClearGradients();
    }

    /// <summary>Gradients that wait are computed and kept, as something needs all of them.</summary>
    private void KeepWaiting()
    {
        _waiting?.Keep();
        DropWaiting();
    }

    private void DropWaiting()
    {
        _waiting?.Dispose();
        _waiting = null;
    }

    /// <summary>Nothing is computed with, or saved of, weights of which some took a step and others did not.</summary>
    private protected void RequireWhole()
    {
        if (_halfMoved)
            throw new InvalidOperationException(
                "Memory ran out in the middle of a step, with some weights moved and others not. Load a training state or open the model "
                + "anew.");
    }
}
