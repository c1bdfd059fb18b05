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
        if (FirstRefused(moves, step) is { } refused)
            return Refusal(refused, Unusable(refused, step) ? 0 : FirstFalse(StayFinite(refused, step)),
                $"a step with learning rate {refused.Rate} and weight decay {refused.Decay} would leave weights or moments that are not "
                + "finite");
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
        if (parameters.Weights.Count == 0)
            return bounds;
        using DisposeScope scope = NewDisposeScope();
        var largest = new List<Tensor>(); // weight, first and second moment, of each weight: one copy for all of them
        foreach (TrainedWeight weight in parameters.Weights)
        {
            Tensor own = Moments.Magnitude(weight.Data);
            (Tensor first, Tensor second) = weight.Moments?.Largest() ?? (zeros_like(own), zeros_like(own));
            largest.AddRange([own, first, second]);
        }

        foreach (double[] three in Link.Read<double>(stack(largest)).Chunk(3))
            bounds = bounds.With(new(three[0] * 1.01, three[1], three[2])); // a bf16 weight is the exact one rounded
        return bounds;
    }

    private HostLink Link => parameters.Operations.Link;

    /// <summary>The first move that would leave something that is not finite: tried on copies of a weight at a time; one copy to the host
    /// says it for all.</summary>
    private MovedRows? FirstRefused(IReadOnlyList<MovedRows> moves, in AdamWStep step)
    {
        if (moves.Count == 0)
            return null;
        using DisposeScope scope = NewDisposeScope();
        var finite = new Tensor[moves.Count];
        for (int m = 0; m < finite.Length; m++)
        {
            using Tensor flags = Unusable(moves[m], step)
                ? zeros(1, ScalarType.Bool, moves[m].Weight.Data.device) : StayFinite(moves[m], step);
            finite[m] = flags.all();
        }

        int first = Array.IndexOf(Link.Read<bool>(stack(finite)), false);
        return first < 0 ? null : moves[first];
    }

    /// <summary>Whether the step's own numbers are already too large for single precision.</summary>
    private static bool Unusable(MovedRows move, in AdamWStep step)
    {
        AdamWNumbers numbers = move.Numbers(step);
        return !(Math.Abs(numbers.Decay) < float.MaxValue && Math.Abs(numbers.Rate) < float.MaxValue
            && Math.Abs(numbers.Scale) < Math.Sqrt(float.MaxValue));
    }

    /// <summary>Which elements a step would leave finite, moments and all; in the caller's scope.</summary>
    private Tensor StayFinite(MovedRows move, in AdamWStep step)
    {
        using DisposeScope scope = NewDisposeScope();
        AdamWNumbers numbers = move.Numbers(step);
        Tensor weights = move.Weight.Exact(move.Row, move.Rows).clone();
        Tensor first = move.Weight.Moments?.First(move.Row, move.Rows).clone() ?? zeros_like(weights);
        Tensor second = move.Weight.Moments?.Second(move.Row, move.Rows).clone() ?? zeros_like(weights);
        Tensor? gradient = move.Weight.Gradient?.narrow(0, move.Row, move.Rows).to(ScalarType.Float32);
        _plain.AdamW(new AdamWTensors(weights, null, null, gradient, first, second), numbers);
        // A device's kernels may round otherwise: next to the largest number is too close.
        Tensor good = weights.abs().less(float.MaxValue / 2).logical_and_(first.abs().less(float.MaxValue / 2)).logical_and_(
            second.less(float.MaxValue / 2));
        return scope.MoveToOuter(good);
    }

    private NonFiniteStepException NonFiniteGradient(double norm)
    {
        foreach (TrainedParameter parameter in parameters.List)
        {
            using DisposeScope scope = NewDisposeScope();
            if (parameter.Gradient()?.isfinite() is not { } finite || Link.ReadOne<bool>(finite.all()))
                continue;
            long at = FirstFalse(finite);
            return new(parameter.Name, at,
                $"the gradient there is {Link.ReadOne<float>(parameter.Gradient()!.flatten()[at].to(ScalarType.Float32))}");
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

    private long FirstFalse(Tensor flags) => Link.ReadOne<long>(flags.logical_not().flatten().nonzero()[0, 0]);
}
