namespace Tuna.Training;

/// <summary>The learning rate of each step as a fraction of the peak: a linear warm-up, then a decay. Immutable:
/// <c>LearningRateSchedule.Linear with { WarmupRatio = 0.1 }</c>.</summary>
/// <remarks>With w warm-up steps, step t (1-based) of the warm-up has t / (w + 1) of the peak, so no step is wasted at zero and step w + 1
/// is the first at the peak.</remarks>
public abstract record LearningRateSchedule
{
    private LearningRateSchedule()
    {
    }

    /// <summary>The peak throughout, after the warm-up.</summary>
    public static LearningRateSchedule Constant { get; } = new ConstantSchedule();

    /// <summary>Straight down to the floor.</summary>
    public static LearningRateSchedule Linear { get; } = new LinearSchedule();

    /// <summary>Half a cosine down to the floor (Loshchilov and Hutter, arXiv 1608.03983, without restarts): what a run takes by default,
    /// with a warm-up.</summary>
    public static LearningRateSchedule Cosine { get; } = new CosineSchedule();

    /// <summary>Warm-up steps; when 0, <see cref="WarmupRatio"/> decides. >= 0, default 0.</summary>
    public long WarmupSteps { get; init; }

    /// <summary>Warm-up as a share of all steps, [0, 1], rounded up; used when <see cref="WarmupSteps"/> is 0. Default 0.</summary>
    public double WarmupRatio { get; init; }

    /// <summary>The floor of the decay as a fraction of the peak, [0, 1]. Default 0.</summary>
    public double MinimumFactor { get; init; }

    /// <summary>The factor of a step.</summary>
    /// <param name="step">1-based, at most <paramref name="totalSteps"/>.</param>
    /// <param name="totalSteps">Steps of the whole run.</param>
    /// <returns>In [0, 1].</returns>
    /// <exception cref="ArgumentOutOfRangeException">The step is not one of the run's.</exception>
    public double Factor(long step, long totalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(step, totalSteps);
        long warmup = Math.Min(totalSteps, WarmupSteps > 0 ? WarmupSteps : (long)Math.Ceiling(WarmupRatio * totalSteps));
        if (step <= warmup)
            return step / (warmup + 1.0);
        double progress = (step - 1 - warmup) / (double)(totalSteps - warmup); // 0 at the peak; below 1 at the last step
        return MinimumFactor + ((1 - MinimumFactor) * Decay(progress));
    }

    /// <summary>The decay from 1 to 0.</summary>
    /// <param name="progress">Share of the steps after the warm-up that are done, [0, 1).</param>
    private protected abstract double Decay(double progress);

    internal void Validate()
    {
        Require(WarmupSteps >= 0, nameof(WarmupSteps), WarmupSteps, ">= 0");
        Require(WarmupRatio is >= 0 and <= 1, nameof(WarmupRatio), WarmupRatio, "in [0, 1]");
        Require(MinimumFactor is >= 0 and <= 1, nameof(MinimumFactor), MinimumFactor, "in [0, 1]");

        static void Require(bool holds, string name, double value, string rule)
        {
            if (!holds)
                throw new ArgumentOutOfRangeException(name, value, $"{name} of the schedule must be {rule}.");
        }
    }

    private sealed record ConstantSchedule : LearningRateSchedule
    {
        private protected override double Decay(double progress) => 1;
    }

    private sealed record LinearSchedule : LearningRateSchedule
    {
        private protected override double Decay(double progress) => 1 - progress;
    }

    private sealed record CosineSchedule : LearningRateSchedule
    {
        private protected override double Decay(double progress) => (1 + Math.Cos(Math.PI * progress)) / 2;
    }
}
