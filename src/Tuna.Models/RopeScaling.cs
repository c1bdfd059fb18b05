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

    /// <summary>What cosines and sines are multiplied with. 1 but for <see cref="YarnRopeScaling"/>.</summary>
    public virtual double AttentionFactor => 1;

    /// <summary>The frequencies of a head.</summary>
    /// <param name="theta">Base of the unscaled frequencies.</param>
    /// <param name="dimension">Width of a head, d; even.</param>
    /// <returns>Radians per position of each pair of elements, [d / 2].</returns>
    public abstract double[] Frequencies(double theta, int dimension);

    /// <summary>Frequencies that are each a function of the unscaled one.</summary>
    private protected static double[] Each(double theta, int dimension, Func<double, double> scale)
    {
        var frequencies = new double[dimension / 2];
        for (int i = 0; i < frequencies.Length; i++)
            frequencies[i] = scale(Math.Pow(theta, -2.0 * i / dimension));
        return frequencies;
    }
}

/// <summary>Frequencies as they are.</summary>
public sealed record NoRopeScaling : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "default";

    /// <inheritdoc/>
    public override double[] Frequencies(double theta, int dimension) => Each(theta, dimension, f => f);
}

/// <summary>Position interpolation (Chen et al., arXiv 2306.15595): every frequency divided by a factor.</summary>
/// <param name="Factor">>= 1.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "linear";

    /// <inheritdoc/>
    public override double[] Frequencies(double theta, int dimension) => Each(theta, dimension, f => f / Factor);
}

/// <summary>LLaMA 3.1's scaling: high frequencies kept, low ones divided by a factor, those between interpolated. It applies at every
/// sequence length.</summary>
/// <param name="Factor">>= 1.</param>
/// <param name="LowFrequencyFactor">Wavelengths above original context / this are divided by <paramref name="Factor"/>.</param>
/// <param name="HighFrequencyFactor">Wavelengths below original context / this are kept; greater than
/// <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalContextLength">Context length before the stretch, in tokens.</param>
public sealed record Llama3RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContextLength)
    : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "llama3";

    /// <inheritdoc/>
    public override double[] Frequencies(double theta, int dimension) => Each(theta, dimension, Apply);

    /// <summary>The frequency to use in place of theta^(-2i/d).</summary>
    /// <param name="frequency">The unscaled frequency, radians per position.</param>
    /// <returns>The scaled frequency, radians per position.</returns>
    public double Apply(double frequency)
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

/// <summary>NTK scaling by the length of the sequence: none up to the model's context length, and longer sequences are not accepted, so
/// that frequencies are as they are.</summary>
/// <param name="Factor">>= 1. It would set how frequencies fall beyond the context length.</param>
public sealed record DynamicRopeScaling(double Factor) : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "dynamic";

    /// <inheritdoc/>
    public override double[] Frequencies(double theta, int dimension) => Each(theta, dimension, f => f);
}

/// <summary>YaRN (Peng et al., arXiv 2309.00071): of a head's elements the first keep their frequency, the last have it divided by a
/// factor, and those between are interpolated.</summary>
/// <param name="Factor">>= 1.</param>
/// <param name="OriginalContextLength">Context length before the stretch, in tokens.</param>
public sealed record YarnRopeScaling(double Factor, int OriginalContextLength) : RopeScaling
{
    /// <inheritdoc/>
    public override string TypeName => "yarn";

    /// <summary>Elements that turn more often than this within the original context keep their frequency. Default 32.</summary>
    public double FastRotations { get; init; } = 32;

    /// <summary>Elements that turn less often than this have theirs divided. Default 1.</summary>
    public double SlowRotations { get; init; } = 1;

    /// <summary>Whether the elements between are counted from a whole number to a whole number. Default true.</summary>
    public bool WholeRange { get; init; } = true;

    /// <summary>The attention factor where the config states it; null to compute it.</summary>
    public double? StatedAttentionFactor { get; init; }

    /// <summary>Weight of log(<see cref="Factor"/>) in the attention factor's numerator, used together with
    /// <see cref="MscaleAllDimensions"/>; null when not stated.</summary>
    public double? Mscale { get; init; }

    /// <summary>The same in its denominator.</summary>
    public double? MscaleAllDimensions { get; init; }

    /// <summary>What cosines and sines are multiplied with: as stated, otherwise 0.1 ln(Factor) + 1 or the quotient of two such
    /// terms.</summary>
    public override double AttentionFactor => StatedAttentionFactor
        ?? (Mscale is { } mscale && mscale != 0 && MscaleAllDimensions is { } all && all != 0 ? Scale(mscale) / Scale(all) : Scale(1));

    /// <inheritdoc/>
    public override double[] Frequencies(double theta, int dimension)
    {
        double low = Place(FastRotations), high = Place(SlowRotations);
        if (WholeRange)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, dimension - 1));
        if (low == high)
            high += 0.001; // as Transformers does
        var frequencies = new double[dimension / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / dimension), divided = Math.Clamp((i - low) / (high - low), 0, 1);
            frequencies[i] = (frequency / Factor * divided) + (frequency * (1 - divided));
        }

        return frequencies;

        // The element that turns so often within the original context; far outside of a head, but finite, for absurd numbers.
        double Place(double rotations) => Math.Clamp(
            dimension * Math.Log(OriginalContextLength / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta)), -1e15, 1e15);
    }

    private double Scale(double mscale) => Factor <= 1 ? 1 : (0.1 * mscale * Math.Log(Factor)) + 1;
}
