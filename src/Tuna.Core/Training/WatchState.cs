namespace Tuna.Training;

/// <summary>What the evaluations so far have said of <see cref="TrainerOptions.WatchedMetric"/>. It goes into a checkpoint, so that a
/// resumed run keeps the same best one and stops at the same step.</summary>
internal sealed record WatchState
{
    /// <summary>Finished steps at the best evaluation; 0 when none was finite.</summary>
    public long BestStep { get; init; }

    public double BestValue { get; init; }

    /// <summary>The value that improvements count from: small ones add up until they count.</summary>
    public double Level { get; init; }

    /// <summary>Evaluations since one that counted as an improvement.</summary>
    public int Stale { get; init; }

    /// <summary>Whether the run ends here.</summary>
    public bool Stopped { get; init; }

    /// <summary>The state after one more evaluation; a value that is not finite is no improvement.</summary>
    public WatchState After(long step, double value, TrainerOptions options)
    {
        bool finite = double.IsFinite(value), first = BestStep == 0;
        bool best = finite && (first || Gain(BestValue) > 0), counts = finite && (first || Gain(Level) > options.MinimumImprovement);
        int stale = counts ? 0 : Stale + 1;
        return new WatchState
        {
            BestStep = best ? step : BestStep,
            BestValue = best ? value : BestValue,
            Level = counts ? value : Level,
            Stale = stale,
            Stopped = options.Patience > 0 && stale >= options.Patience,
        };

        double Gain(double before) => options.WatchedMetricRises ? value - before : before - value;
    }
}
