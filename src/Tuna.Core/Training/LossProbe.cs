using System.Globalization;
using Tuna.Losses;
using Tuna.Numerics;

namespace Tuna.Training;

/// <summary>How version 1 of a checkpoint tells losses apart: by what they compute. Later ones record <see cref="IRankingLoss.Describe"/>;
/// this is for resuming older runs.</summary>
internal static class LossProbe
{
    /// <summary>The type's name and the loss of a few fixed made-up batches, to six digits: coarse enough for another processor's
    /// rounding.</summary>
    public static string Of(IRankingLoss loss)
    {
        var rng = new Rng(0x70726F6265); // "probe"
        var values = new List<string> { loss.GetType().Name };
        // Log-probabilities near each other and far apart, so that hinges are met on both sides of their kink.
        foreach (double spread in new[] { 0.1, 1, 10 })
            values.Add(Probe(loss, rng, spread));
        return string.Join(' ', values);
    }

    private static string Probe(IRankingLoss loss, Rng rng, double spread)
    {
        int[] lengths = [3, 5, 2, 7, 4, 6, 1, 3, 5];
        double[] logProbs = new double[lengths.Length], reference = new double[lengths.Length];
        for (int r = 0; r < lengths.Length; r++)
        {
            logProbs[r] = -lengths[r] * (1 + (spread * rng.NextDouble()));
            reference[r] = -lengths[r] * (1 + (spread * rng.NextDouble()));
        }
        var batch = new RankingBatch
        {
            Offsets = [0, 5, 9],
            CandidateCounts = [4, 3],
            Values = logProbs,
            Lengths = lengths,
            Scores = [4, 2.5, 2.5, 1, double.NaN, 3, 2, 1, double.NaN],
            ReferencePolicyLogProbs = reference,
        };
        try
        {
            return loss.Evaluate(batch, new double[lengths.Length]).ToString("G6", CultureInfo.InvariantCulture);
        }
        catch (ArgumentException)
        {
            return "-"; // a loss for other shapes of groups; its type must do
        }
    }
}
