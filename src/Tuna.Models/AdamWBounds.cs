using Tuna.Policies;

namespace Tuna.Models;

/// <summary>Bounds of the largest magnitudes of weights and of AdamW's moments, carried from step to step: they prove, without a look at
/// the numbers, that a step leaves all of them finite.</summary>
/// <remarks>
/// Moments are weighted means of what was there and of a gradient that is at most its norm; a weight moves by no more than the step size
/// times first moment over epsilon. As long as that is far from the largest number, which is always but in a run that has gone astray, a
/// step costs nothing more; otherwise an engine tries it without storing anything.
/// </remarks>
/// <param name="Weight">Of the weights.</param>
/// <param name="First">Of the first moments.</param>
/// <param name="Second">Of the second moments.</param>
public readonly record struct AdamWBounds(double Weight, double First, double Second)
{
    // Far enough for what rounding and vectors' multiply-add do.
    private const double Limit = float.MaxValue / 4;

    /// <summary>The bounds after a step in single precision.</summary>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <returns>Null when they do not prove that the step leaves all numbers finite.</returns>
    public AdamWBounds? After(in AdamWStep step, double norm)
    {
        AdamWSettings s = step.Settings;
        double scale = Math.Abs(step.GradientScale), g = norm * scale, root = 1 / Math.Sqrt(1 - Math.Pow(s.Beta2, step.Step));
        double size = Math.Abs(step.LearningRate / (1 - Math.Pow(s.Beta1, step.Step))),
            keep = Math.Abs(1 - (step.LearningRate * s.WeightDecay));
        double first = Math.Max(First, g), second = Math.Max(Second, g * g), direction = first / (float)s.Epsilon;
        double weight = (Weight * keep) + (size * direction);
        bool constants = s.Beta1 is >= 0 and < 1 && s.Beta2 is >= 0 and < 1 && s.Epsilon > 0;
        ReadOnlySpan<double> all = [scale, norm, first, second, Math.Sqrt(second) * root, root, direction, size, keep, weight];
        foreach (double value in all)
            constants &= value < Limit; // NaN is not
        return constants ? new(weight, first, second) : null;
    }

    /// <summary>Bounds of what two sets of bounds are of.</summary>
    public AdamWBounds With(AdamWBounds other) =>
        new(Math.Max(Weight, other.Weight), Math.Max(First, other.First), Math.Max(Second, other.Second));
}
