using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Threading;
using Tuna.Models;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Model;

/// <summary>Sees to it that an optimizer step leaves all weights and moments finite, or does not happen.</summary>
/// <remarks>
/// The step changes weights and moments in place, so that it must be known before. Mostly <see cref="AdamWBounds"/> prove it; otherwise the
/// step is tried first without storing anything.
/// </remarks>
internal sealed unsafe class UpdateGuard(LlamaParameters parameters, WorkerPool pool, double[] partial)
{
    private long _version = -1; // of the weights that the bounds are of
    private AdamWBounds _bounds;

    /// <summary>Applies a step to the weights of this process's share, and receives the others.</summary>
    /// <param name="share">Whose weights are whose.</param>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <exception cref="NonFiniteStepException">The gradient is not finite, or the weights would not be; nothing was changed.</exception>
    public void Apply(OptimizerShare share, in AdamWStep step, double norm)
    {
        float* gradient = parameters.AccumulatedGradient();
        if (!double.IsFinite(norm))
            throw share.IsSharded ? NotFinite(norm)
                : Refusal(FirstNonFinite(gradient), $"the gradient there is {gradient[FirstNonFinite(gradient)]}");
        parameters.EnsureMoments();
        if (_version != parameters.Version)
            Measure(share);
        AdamWBounds? after = _bounds.After(step, norm);
        if (after is null && FirstRefused(share, step, gradient) is >= 0 and var bad)
            throw Refusal(bad,
                $"a step with learning rate {step.LearningRate} and weight decay {step.Settings.WeightDecay} would leave weights or "
                + $"moments that are not finite");
        float* moved = parameters.WritableWeights;
        foreach (OwnPiece piece in share.Own)
            AdamW.Step(pool, piece.Length, moved + piece.Start, gradient + piece.Start, parameters.First + piece.Place,
                parameters.Second + piece.Place, step);
        share.GatherWeights(moved);
        if (after is { } bounds)
            (_version, _bounds) = (parameters.Version, bounds); // otherwise measured again before the next
    }

    private void Measure(OptimizerShare share) => _bounds = new(
        Finite.Largest(pool, parameters.Count, parameters.Weights, partial),
        share.Largest(Finite.Largest(pool, parameters.MomentCount, parameters.First, partial)),
        share.Largest(Finite.Largest(pool, parameters.MomentCount, parameters.Second, partial)));

    /// <summary>The first parameter that a step would spoil, or -1; the same on all processes.</summary>
    private long FirstRefused(OptimizerShare share, in AdamWStep step, float* gradient)
    {
        long first = long.MaxValue;
        foreach (OwnPiece piece in share.Own)
        {
            long bad = AdamW.FirstNonFinite(
                pool, piece.Length, parameters.Weights + piece.Start, gradient + piece.Start, parameters.First + piece.Place,
                    parameters.Second + piece.Place, step, partial);
            if (bad >= 0)
                first = Math.Min(first, piece.Start + bad);
        }

        double all = -share.Largest(first == long.MaxValue ? double.NegativeInfinity : -first);
        return double.IsFinite(all) ? (long)all : -1;
    }

    private long FirstNonFinite(float* values)
    {
        foreach (ParameterSlot slot in parameters.Slots)
        {
            int bad = Finite.IndexOfNonFinite(new ReadOnlySpan<float>(values + slot.Offset, slot.Length));
            if (bad >= 0)
                return slot.Offset + bad;
        }

        return 0;
    }

    private static NonFiniteStepException NotFinite(double norm) => new(null, 0, $"The norm of the gradient is {norm}");

    private NonFiniteStepException Refusal(long index, string why)
    {
        ParameterSlot slot = parameters.Slots.Last(s => s.Offset <= index);
        return new NonFiniteStepException(slot.Name, index - slot.Offset, why);
    }
}
