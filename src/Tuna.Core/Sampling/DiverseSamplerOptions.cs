namespace Tuna.Sampling;

/// <summary>Settings of <see cref="DiverseSampler"/>; the defaults are the paper's.</summary>
public sealed record DiverseSamplerOptions
{
    /// <summary>Responses per prompt, N >= 1. Default 4.</summary>
    public int Count { get; init; } = 4;

    /// <summary>A response is accepted when its ROUGE-L F with every accepted one is below this, tau in (0, 1]. Default 0.8.</summary>
    public double Threshold { get; init; } = 0.8;

    /// <summary>Temperature of a slot's first trial, > 0. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Added to the temperature for each further trial of a slot, >= 0. Default 0.1.</summary>
    public double TemperatureStep { get; init; } = 0.1;

    /// <summary>Most draws for a slot, the first included, >= 1; then the least similar of them is kept. Default 3.</summary>
    public int MaxTrials { get; init; } = 3;

    /// <summary>Most new tokens per response, end-of-sequence included, >= 1; the model's context shortens it further. Default
    /// 256.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>Keep the k likeliest tokens; 0 keeps all. Default 0.</summary>
    public int TopK { get; init; }

    /// <summary>Nucleus, (0, 1]. Default 1.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Whether words are stemmed before they are compared. The paper does not say; its released code stems. Default
    /// true.</summary>
    public bool Stem { get; init; } = true;

    /// <summary>Seed of the run; each draw has its own stream derived from the seed, the row's id, the slot and the trial.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Count, 1);
        Require(Threshold > 0 && Threshold <= 1, nameof(Threshold), Threshold, "(0, 1]");
        Require(Temperature > 0 && double.IsFinite(Temperature), nameof(Temperature), Temperature, "(0, infinity)");
        Require(TemperatureStep >= 0 && double.IsFinite(TemperatureStep), nameof(TemperatureStep), TemperatureStep, "[0, infinity)");
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTrials, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxNewTokens, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(TopK);
        Require(TopP > 0 && TopP <= 1, nameof(TopP), TopP, "(0, 1]");
    }

    private static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(name, value, $"{name} is in {range}.");
    }
}
