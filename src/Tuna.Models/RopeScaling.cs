namespace Tuna.Models;

/// <summary>How rotary frequencies are stretched for long contexts.</summary>
public abstract record RopeScaling
{
    private protected RopeScaling()
    {
    }

    /// <summary>No scaling.</summary>
    public static RopeScaling None { get; } = new NoRopeScaling();

    /// <summary>The name in config.json.</summary>
    public abstract string TypeName { get; }

    /// <summary>The frequency to use in place of theta^(-2i/d).</summary>
    /// <param name="frequency">The unscaled frequency, radians per position.</param>
    /// <returns>The scaled frequency, radians per position.</returns>
    public abstract double Apply(double frequency);
}

/// <summary>Frequencies as they are.</summary>
public sealed record NoRopeScaling : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "default";

    /// <inheritdoc/>
    public override double Apply(double frequency) => frequency;
}

/// <summary>Position interpolation (Chen et al., arXiv 2306.15595): every frequency divided by a factor.</summary>
/// <param name="Factor">>= 1.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "linear";

    /// <inheritdoc/>
    public override double Apply(double frequency) => frequency / Factor;
}

/// <summary>LLaMA 3.1's scaling: high frequencies kept, low ones divided by a factor, those between interpolated. It applies at every sequence length.</summary>
/// <param name="Factor">>= 1.</param>
/// <param name="LowFrequencyFactor">Wavelengths above original context / this are divided by <paramref name="Factor"/>.</param>
/// <param name="HighFrequencyFactor">Wavelengths below original context / this are kept; greater than <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalContextLength">Context length before the stretch, in tokens.</param>
public sealed record Llama3RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContextLength) : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "llama3";

    /// <inheritdoc/>
    public override double Apply(double frequency)
    {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalContextLength / HighFrequencyFactor)
            return frequency;
        if (wavelength > OriginalContextLength / LowFrequencyFactor)
            return frequency / Factor;
        double smooth = ((OriginalContextLength / wavelength) - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return ((1 - smooth) * frequency / Factor) + (smooth * frequency);
    }
}
