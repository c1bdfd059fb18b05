using Tuna.Numerics;

namespace Tuna.Evaluation.Statistics;

/// <summary>An interval by resampling.</summary>
/// <param name="Mean">The mean of the sample itself.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="Level">The share of resampled means inside, such as 0.95.</param>
public readonly record struct BootstrapInterval(double Mean, double Low, double High, double Level);

/// <summary>A comparison of two systems on the same items.</summary>
/// <param name="Difference">Mean of the first minus mean of the second.</param>
/// <param name="Interval">Interval of the difference.</param>
/// <param name="PValue">Two-sided: how often a resampled difference, centred on none, is at least as large, with the usual plus one; (0,
/// 1].</param>
public readonly record struct PairedComparison(double Difference, BootstrapInterval Interval, double PValue);

/// <summary>Percentile bootstrap (Efron, 1979), over items and with a seed: the same numbers in every run.</summary>
public static class Bootstrap
{
    /// <summary>The interval of a mean.</summary>
    /// <param name="values">One value per item, at least one, finite.</param>
    /// <param name="samples">Resamples, at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="level">Share inside, (0, 1). Default 0.95.</param>
    public static BootstrapInterval MeanInterval(ReadOnlySpan<double> values, int samples = 1000, ulong seed = 0, double level = 0.95)
    {
        double[] means = Resampled(values, [], samples, seed, level);
        return IntervalOf(Mean(values), means, level);
    }

    /// <summary>The interval of a ratio of sums, such as the share of pairs over items that hold several pairs each.</summary>
    /// <param name="parts">Each item's share of the numerator, at least one item, finite.</param>
    /// <param name="wholes">Each item's share of the denominator, positive, in the same order.</param>
    /// <param name="samples">Resamples, at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="level">Share inside, (0, 1). Default 0.95.</param>
    /// <exception cref="ArgumentException">The lengths differ, there is no item, or a value cannot be used.</exception>
    public static BootstrapInterval RatioInterval(ReadOnlySpan<double> parts, ReadOnlySpan<double> wholes, int samples = 1000,
        ulong seed = 0, double level = 0.95)
    {
        if (parts.Length != wholes.Length)
            throw new ArgumentException($"There are {parts.Length} parts of {wholes.Length} wholes.", nameof(wholes));
        foreach (double whole in wholes)
        {
            if (!(whole > 0 && double.IsFinite(whole)))
                throw new ArgumentException($"The denominator {whole} is not positive and finite.", nameof(wholes));
        }

        return IntervalOf(Mean(parts) / Mean(wholes), Resampled(parts, wholes, samples, seed, level), level);
    }

    /// <summary>Compares two systems by resampling the items, keeping each item's pair together.</summary>
    /// <param name="first">The first system's value on each item, at least one item.</param>
    /// <param name="second">The second system's on the same items, in the same order.</param>
    /// <param name="samples">Resamples, at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="level">Share inside the interval, (0, 1). Default 0.95.</param>
    /// <exception cref="ArgumentException">The lengths differ, there is no item, or a value is not finite.</exception>
    public static PairedComparison Paired(ReadOnlySpan<double> first, ReadOnlySpan<double> second, int samples = 10_000, ulong seed = 0,
        double level = 0.95)
    {
        if (first.Length != second.Length)
            throw new ArgumentException(
                $"The two systems have {first.Length} and {second.Length} values; a paired comparison needs the same items.",
                nameof(second));
        double[] differences = new double[first.Length];
        for (int i = 0; i < differences.Length; i++)
            differences[i] = first[i] - second[i];
        double[] means = Resampled(differences, [], samples, seed, level);
        double difference = Mean(differences);

        // Under the hypothesis of no difference the resampled means scatter around 0 as they now do around the difference.
        double threshold = Math.Abs(difference) * (1 - 1e-12); // sums in another order must not miss equality
        int extreme = means.Count(mean => Math.Abs(mean - difference) >= threshold);
        return new PairedComparison(difference, IntervalOf(difference, means, level), (extreme + 1.0) / (samples + 1.0));
    }

    // Sorted: sums of resampled values over sums of their weights; without weights, means.
    private static double[] Resampled(ReadOnlySpan<double> values, ReadOnlySpan<double> weights, int samples, ulong seed, double level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        if (!(level is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(level), level, "A level is in (0, 1).");
        if (values.IsEmpty)
            throw new ArgumentException("There is no value to resample.", nameof(values));
        foreach (double value in values)
        {
            if (!double.IsFinite(value))
                throw new ArgumentException($"The value {value} is not finite.", nameof(values));
        }

        var rng = new Rng(seed);
        double[] means = new double[samples];
        for (int s = 0; s < samples; s++)
        {
            double sum = 0, weight = 0;
            for (int i = 0; i < values.Length; i++)
            {
                int drawn = rng.Next(values.Length);
                sum += values[drawn];
                weight += weights.IsEmpty ? 1 : weights[drawn];
            }

            means[s] = sum / weight;
        }

        Array.Sort(means);
        return means;
    }

    private static BootstrapInterval IntervalOf(double mean, double[] sorted, double level)
    {
        double tail = (1 - level) / 2;
        return new BootstrapInterval(mean, Quantile(sorted, tail), Quantile(sorted, 1 - tail), level);
    }

    // Linear between order statistics.
    private static double Quantile(double[] sorted, double q)
    {
        double at = q * (sorted.Length - 1);
        int below = (int)at;
        return below + 1 < sorted.Length ? sorted[below] + ((at - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }

    private static double Mean(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
            sum += value;
        return sum / values.Length;
    }
}
