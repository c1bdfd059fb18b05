namespace Tuna.Training;

/// <summary>Tells the meter, the log and the caller of each step, with the speeds of this process.</summary>
internal sealed class TrainingReport(TrainingSetup setup, TrainingMeter meter, long totalSteps)
{
    private long _steps; // finished by this process
    private TimeSpan _time;

    public long Now => setup.Time.GetTimestamp();

    /// <summary>Reports an evaluation.</summary>
    public void Evaluated(TrainingEvaluation evaluation) => meter.Record(evaluation);

    /// <summary>Reports a step.</summary>
    /// <param name="done">What it showed.</param>
    /// <param name="start"><see cref="Now"/> when it began.</param>
    public void StepDone(TrainingStep done, long start)
    {
        TimeSpan duration = setup.Time.GetElapsedTime(start);
        _steps++;
        _time += duration;
        meter.Record(done, duration);
        TrainerLog.StepDone(setup.Logger, done.Step, totalSteps, done.Loss, done.LearningRate, done.GradientNorm, done.ActiveFraction);
        double seconds = Math.Max(duration.TotalSeconds, 1e-9);
        TimeSpan remaining = _time / _steps * (totalSteps - done.Step);
        setup.Progress?.Report(new TrainingProgress(done, totalSteps, done.Groups / seconds, done.Tokens / seconds, remaining));
    }
}
