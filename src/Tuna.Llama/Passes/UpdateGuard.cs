using Tuna.Llama.Tensors;
using Tuna.Models;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Passes;

/// <summary>Sees to it that an optimizer step leaves all weights and moments finite, or does not happen.</summary>
/// <remarks>Mostly <see cref="AdamWBounds"/>, carried from step to step, prove it; otherwise the step is tried on copies, a weight at a
/// time.</remarks>
internal sealed class UpdateGuard(TrainingParameters parameters) : IDisposable
{
    private readonly PlainOperations _plain = new();
    private AdamWBounds? _bounds;
    private long _version; // of the weights and moments that the bounds are of

    /// <summary>Looks whether a step would leave something that is not finite. Changes nothing.</summary>
    /// <param name="moves">What moves.</param>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <returns>What to refuse it with, naming the parameter; null when all stays finite.</returns>
    public NonFiniteStepException? Check(IReadOnlyList<MovedRows> moves, in AdamWStep step, double norm)
    {
        if (!double.IsFinite(norm))
            return NonFiniteGradient(norm);
        if (Proves(moves, step, norm))
            return null;
        foreach (MovedRows move in moves)
        {
            if (Try(move, step) is { } refusal)
                return refusal;
        }

        _bounds = null;
        return null;
    }

    /// <summary>Whether a step surely leaves everything finite; the gradient itself is not looked at. The step is then taken.</summary>
    /// <param name="moves">What moves.</param>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    public bool Proves(IReadOnlyList<MovedRows> moves, in AdamWStep step, double norm)
    {
        if (!double.IsFinite(norm))
            return false;
        long version = parameters.Weights.Sum(w => w.Version);
        AdamWBounds before = _bounds is { } known && _version == version ? known : Measure();
        AdamWBounds? after = before;
        foreach (MovedRows rule in moves.DistinctBy(move => (move.Rate, move.Decay)))
            after = before.After(rule.Rule(step), norm) is { } own ? after?.With(own) : null;
        if (after is null)
            return false;
        (_bounds, _version) = (after, version);
        return true;
    }

    public void Dispose() => _plain.Dispose();

    private AdamWBounds Measure()
    {
        var bounds = new AdamWBounds(0, 0, 0);
        foreach (TrainedWeight weight in parameters.Weights)
        {
            (double first, double second) = weight.Moments?.Largest() ?? (0, 0);
            // A bf16 weight is the exact one rounded.
            bounds = bounds.With(new(Moments.Magnitude(weight.Data) * 1.01, first, second));
        }

        return bounds;
    }

    private NonFiniteStepException? Try(MovedRows move, in AdamWStep step)
    {
        using DisposeScope scope = NewDisposeScope();
        AdamWNumbers numbers = move.Numbers(step);
        string why =
            $"a step with learning rate {move.Rate} and weight decay {move.Decay} would leave weights or moments that are not finite";
        if (!(Math.Abs(numbers.Decay) < float.MaxValue && Math.Abs(numbers.Rate) < float.MaxValue
            && Math.Abs(numbers.Scale) < Math.Sqrt(float.MaxValue)))
            return Refusal(move, 0, why);
        Tensor weights = move.Weight.Exact(move.Row, move.Rows).clone();
        Tensor first = move.Weight.Moments?.First(move.Row, move.Rows).clone() ?? zeros_like(weights);
        Tensor second = move.Weight.Moments?.Second(move.Row, move.Rows).clone() ?? zeros_like(weights);
        Tensor? gradient = move.Weight.Gradient?.narrow(0, move.Row, move.Rows).to(ScalarType.Float32);
        _plain.AdamW(new AdamWTensors(weights, null, null, gradient, first, second), numbers);
        // A device's kernels may round otherwise: next to the largest number is too close.
        Tensor good = weights.abs().less(float.MaxValue / 2).logical_and_(first.abs().less(float.MaxValue / 2)).logical_and_(
            second.less(float.MaxValue / 2));
        return good.all().item<bool>() ? null : Refusal(move, FirstFalse(good), why);
    }

    private NonFiniteStepException NonFiniteGradient(double norm)
    {
        foreach (TrainedParameter parameter in parameters.List)
        {
            using DisposeScope scope = NewDisposeScope();
            if (parameter.Gradient()?.isfinite() is not { } finite || finite.all().item<bool>())
                continue;
            long at = FirstFalse(finite);
            return new(parameter.Name, at,
                $"the gradient there is {parameter.Gradient()!.flatten()[at].to(ScalarType.Float32).item<float>()}");
        }

        return new(null, 0, $"The norm of the gradient is {norm}");
    }

    // The element counts from the first row that moves; a weight's parameters lie one below the other.
    private NonFiniteStepException Refusal(MovedRows move, long element, string why)
    {
        long width = move.Weight.Data.numel() / move.Weight.Data.shape[0], row = move.Row + (element / width);
        TrainedParameter parameter = parameters.List.First(p => p.Weight == move.Weight && row >= p.Row && row < p.Row + p.Rows);
        return new(parameter.Name, element - ((parameter.Row - move.Row) * width), why);
    }

    private static long FirstFalse(Tensor flags) => flags.logical_not().flatten().nonzero()[0, 0].item<long>();
}
