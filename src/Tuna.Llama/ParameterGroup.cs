namespace Tuna.Llama;

/// <summary>Settings of the optimizer for the parameters whose names a rule accepts; the first group that accepts a name counts.</summary>
/// <param name="Accepts">Says whether a parameter, by its checkpoint name, is of the group.</param>
public sealed record ParameterGroup(Func<string, bool> Accepts)
{
    /// <summary>Factor on the step's learning rate, >= 0; 0 freezes the group. Default 1.</summary>
    public double LearningRateFactor { get; init; } = 1;

    /// <summary>Weight decay in place of the step's, >= 0; null keeps the step's. Default null.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>The usual exception: no weight decay for norms and biases.</summary>
    public static ParameterGroup NoDecayForNormsAndBiases { get; } =
        new(name => name.EndsWith("norm.weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal))
        {
            WeightDecay = 0,
        };
}
