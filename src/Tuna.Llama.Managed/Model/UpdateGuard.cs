using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Model;

/// <summary>Sees to it that an optimizer step leaves all weights and moments finite, or does not happen.</summary>
/// <remarks>
/// The step changes weights and moments in place, so that it must be known before. Bounds of their magnitudes are carried from step to step: moments are weighted means of what was there and
/// of a gradient that is at most its norm, and a weight moves by no more than the step size times first moment over epsilon. As long as these bounds are far from the largest
/// number, which is always but in a run that has gone astray, the step costs nothing more; otherwise it is tried first without storing anything.
/// </remarks>
internal sealed unsafe class UpdateGuard(LlamaParameters parameters, WorkerPool pool, double[] partial)
{
    // Far enough for what rounding and vectors' multiply-add do.
    private const double Limit = float.MaxValue / 4;

    private long _version = -1; // of the weights that the bounds are of
    private double _weights, _first, _second;

    /// <summary>Applies a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <exception cref="InvalidOperationException">The gradient is not finite, or the weights would not be; nothing was changed.</exception>
    public void Apply(in AdamWStep step, double norm)
    {
        float* gradient = parameters.AccumulatedGradient();
        if (!double.IsFinite(norm))
            throw Refusal(FirstNonFinite(gradient), $"the gradient there is {gradient[FirstNonFinite(gradient)]}");
        parameters.EnsureMoments();
        if (_version != parameters.Version)
            Measure();
        if (!Bound(step, norm, out double weights, out double first, out double second))
        {
            long bad = AdamW.FirstNonFinite(pool, parameters.Count, parameters.Weights, gradient, parameters.First, parameters.Second, step, partial);
            if (bad >= 0)
                throw Refusal(bad, $"a step with learning rate {step.LearningRate} and weight decay {step.Settings.WeightDecay} would leave weights or moments that are not finite");
            AdamW.Step(pool, parameters.Count, parameters.WritableWeights, gradient, parameters.First, parameters.Second, step);
            return; // measured again before the next
        }

        AdamW.Step(pool, parameters.Count, parameters.WritableWeights, gradient, parameters.First, parameters.Second, step);
        (_version, _weights, _first, _second) = (parameters.Version, weights, first, second);
    }

    private void Measure()
    {
        _weights = Finite.Largest(pool, parameters.Count, parameters.Weights, partial);
        _first = Finite.Largest(pool, parameters.Count, parameters.First, partial);
        _second = Finite.Largest(pool, parameters.Count, parameters.Second, partial);
    }

    private bool Bound(in AdamWStep step, double norm, out double weights, out double first, out double second)
    {
        AdamWSettings s = step.Settings;
        double g = norm * Math.Abs(step.GradientScale), root = 1 / Math.Sqrt(1 - Math.Pow(s.Beta2, step.Step));
        double size = Math.Abs(step.LearningRate / (1 - Math.Pow(s.Beta1, step.Step))), keep = Math.Abs(1 - (step.LearningRate * s.WeightDecay));
        first = Math.Max(_first, g);
        second = Math.Max(_second, g * g);
        double direction = first / (float)s.Epsilon;
        weights = (_weights * keep) + (size * direction);
        return s.Beta1 is >= 0 and < 1 && s.Beta2 is >= 0 and < 1 && s.Epsilon > 0 && Math.Abs(step.GradientScale) < Limit && norm < Limit
            && first < Limit && second < Limit && Math.Sqrt(second) * root < Limit && root < Limit && direction < Limit && size < Limit && keep < Limit && weights < Limit;
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

    private InvalidOperationException Refusal(long index, string why)
    {
        ParameterSlot slot = parameters.Slots.Last(s => s.Offset <= index);
        return new InvalidOperationException($"Element {index - slot.Offset} of '{slot.Name}': {why}. Weights and moments are as they were.");
    }
}
