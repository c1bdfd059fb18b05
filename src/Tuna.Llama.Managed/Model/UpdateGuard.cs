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

    /// <summary>Applies a step to the weights of this process's share, and receives the others.</summary>
    /// <param name="share">Whose weights are whose.</param>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <exception cref="InvalidOperationException">The gradient is not finite, or the weights would not be; nothing was changed.</exception>
    public void Apply(OptimizerShare share, in AdamWStep step, double norm)
    {
        float* gradient = parameters.AccumulatedGradient();
        if (!double.IsFinite(norm))
            throw share.IsSharded ? NotFinite(norm) : Refusal(FirstNonFinite(gradient), $"the gradient there is {gradient[FirstNonFinite(gradient)]}");
        parameters.EnsureMoments();
        if (_version != parameters.Version)
            Measure(share);
        bool safe = Bound(step, norm, out double weights, out double first, out double second);
        if (!safe && FirstRefused(share, step, gradient) is >= 0 and var bad)
            throw Refusal(bad, $"a step with learning rate {step.LearningRate} and weight decay {step.Settings.WeightDecay} would leave weights or moments that are not finite");
        float* moved = parameters.WritableWeights;
        foreach (OwnPiece piece in share.Own)
            AdamW.Step(pool, piece.Length, moved + piece.Start, gradient + piece.Start, parameters.First + piece.Place, parameters.Second + piece.Place, step);
        share.GatherWeights(moved);
        if (safe)
            (_version, _weights, _first, _second) = (parameters.Version, weights, first, second); // otherwise measured again before the next
    }

    private void Measure(OptimizerShare share)
    {
        _weights = Finite.Largest(pool, parameters.Count, parameters.Weights, partial);
        _first = share.Largest(Finite.Largest(pool, parameters.MomentCount, parameters.First, partial));
        _second = share.Largest(Finite.Largest(pool, parameters.MomentCount, parameters.Second, partial));
    }

    /// <summary>The first parameter that a step would spoil, or -1; the same on all processes.</summary>
    private long FirstRefused(OptimizerShare share, in AdamWStep step, float* gradient)
    {
        long first = long.MaxValue;
        foreach (OwnPiece piece in share.Own)
        {
            long bad = AdamW.FirstNonFinite(
                pool, piece.Length, parameters.Weights + piece.Start, gradient + piece.Start, parameters.First + piece.Place, parameters.Second + piece.Place, step, partial);
            if (bad >= 0)
                first = Math.Min(first, piece.Start + bad);
        }

        double all = -share.Largest(first == long.MaxValue ? double.NegativeInfinity : -first);
        return double.IsFinite(all) ? (long)all : -1;
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

    private static InvalidOperationException NotFinite(double norm) => new($"The gradient's norm is {norm}. Weights and moments are as they were.");

    private InvalidOperationException Refusal(long index, string why)
    {
        ParameterSlot slot = parameters.Slots.Last(s => s.Offset <= index);
        return new InvalidOperationException($"Element {index - slot.Offset} of '{slot.Name}': {why}. Weights and moments are as they were.");
    }
}
