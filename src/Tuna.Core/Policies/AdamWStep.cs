namespace Tuna.Policies;

/// <summary>One AdamW update (Loshchilov and Hutter, arXiv 1711.05101): decoupled weight decay on every parameter, norms
/// included.</summary>
/// <param name="Step">1-based count of updates, for the bias correction.</param>
/// <param name="LearningRate">Learning rate of this step, already scheduled.</param>
/// <param name="GradientScale">Factor on the accumulated gradients before use: the clipping coefficient, 1 when nothing is clipped.</param>
/// <param name="Settings">Constants of the optimizer.</param>
public readonly record struct AdamWStep(long Step, double LearningRate, double GradientScale, AdamWSettings Settings);

/// <summary>Constants of AdamW.</summary>
public sealed record AdamWSettings
{
    /// <summary>Decay of the first moment, [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, > 0 in single precision. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay, >= 0, times the learning rate. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Checks every constant.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the one that is out of range.</exception>
    public void Validate()
    {
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "in [0, 1)");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "in [0, 1)");
        // Less is 0 in single precision, and a weight without a gradient would become 0 / 0.
        Require(Epsilon is >= 1.17549435e-38 and <= float.MaxValue, nameof(Epsilon), Epsilon,
            "a positive number of single precision, 1.2E-38 to 3.4E38");
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, nameof(WeightDecay), WeightDecay, "finite and >= 0");

        static void Require(bool holds, string name, double value, string rule)
        {
            if (!holds)
                throw new ArgumentOutOfRangeException(name, value, $"{name} must be {rule}.");
        }
    }
}
