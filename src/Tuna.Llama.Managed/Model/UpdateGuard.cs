using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Threading;
using Tuna.Models;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Model;

/// <summary>Sees to it that an optimizer step leaves all weights and moments finite, or does not happen.</summary>
/// <remarks>
/// The step changes weights and moments in place, so that it must be known before. Mostly <see cref="AdamWBounds"/> prove it; otherwise the step is tried first without storing anything.
/// </remarks>
internal sealed unsafe class UpdateGuard(LlamaParameters parameters, WorkerPool pool, double[] partial)
{
    private long _version = -1; // of the weights that the bounds are of
    private AdamWBounds _bounds;

    /// <summary>Applies a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <exception cref="NonFiniteStepException">The gradient is not finite, or the weights would not be; nothing was changed.</exception>
    public void Apply(in AdamWStep step, double norm)
    {
        float* gradient = parameters.AccumulatedGradient();
        if (!double.IsFinite(norm))
            throw Refusal(FirstNonFinite(gradient), $"the gradient there is {gradient[FirstNonFinite(gradient)]}");
        parameters.EnsureMoments();
        if (_version != parameters.Version)
            Measure();
        if (_bounds.After(step, norm) is not { } after)
        {
            long bad = AdamW.FirstNonFinite(pool, parameters.Count, parameters.Weights, gradient, parameters.First, parameters.Second, step, partial);
            if (bad >= 0)
                throw Refusal(bad, $"a step with learning rate {step.LearningRate} and weight decay {step.Settings.WeightDecay} would leave weights or moments that are not finite");
            AdamW.Step(pool, parameters.Count, parameters.WritableWeights, gradient, parameters.First, parameters.Second, step);
            return; // measured again before the next
        }

        AdamW.Step(pool, parameters.Count, parameters.WritableWeights, gradient, parameters.First, parameters.Second, step);
        (_version, _bounds) = (parameters.Version, after);
    }

    private void Measure() => _bounds = new(
        Finite.Largest(pool, parameters.Count, parameters.Weights, partial),
        Finite.Largest(pool, parameters.Count, parameters.First, partial),
        Finite.Largest(pool, parameters.Count, parameters.Second, partial));

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

    private NonFiniteStepException Refusal(long index, string why)
    {
        ParameterSlot slot = parameters.Slots.Last(s => s.Offset <= index);
        return new NonFiniteStepException(slot.Name, index - slot.Offset, why);
    }
}
