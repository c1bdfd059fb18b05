namespace Tuna.Training;

/// <summary>Where a run stands, between two micro-batches: all of a checkpoint but the model.</summary>
internal sealed class RunPosition
{
    /// <summary>Finished steps, skipped ones included.</summary>
    public long Step { get; set; }

    /// <summary>Micro-batches of the next step that are accumulated.</summary>
    public int MicroBatch { get; set; }

    /// <summary>Micro-batches of the run that are done.</summary>
    public long MicroBatchesDone { get; set; }

    public int SkippedSteps { get; set; }

    /// <summary>Whether the evaluation after the last finished step has still to be done.</summary>
    public bool EvaluationPending { get; set; }

    /// <summary>Sums over the accumulated micro-batches.</summary>
    public StepStatistics Partial { get; set; } = new();

    /// <summary>What the watched metric was so far; null before its first evaluation.</summary>
    public WatchState? Watch { get; set; }

    public static RunPosition Of(TrainerState state, bool evaluates) => new()
    {
        Step = state.Step,
        MicroBatch = state.MicroBatch,
        MicroBatchesDone = state.MicroBatchesDone,
        SkippedSteps = state.SkippedSteps,
        EvaluationPending = state.EvaluationPending && evaluates,
        Partial = state.Partial with { },
        Watch = state.Watch,
    };

    public TrainerState ToState(TrainingPlan plan, TrainingSetup setup, long metricsLength)
    {
        (int epoch, int first) = plan.Position(Step);
        return new TrainerState
        {
            Version = TrainerState.CurrentVersion,
            Step = Step,
            Epoch = epoch,
            GroupsDoneInEpoch = first + Partial.Groups,
            MicroBatch = MicroBatch,
            MicroBatchesDone = MicroBatchesDone,
            SkippedSteps = SkippedSteps,
            EvaluationPending = EvaluationPending,
            Partial = Partial with { }, // this one goes on counting
            Watch = Watch,
            MetricsLength = metricsLength,
            Options = setup.Fingerprint,
            GroupCount = setup.Groups.Count,
            Data = setup.DataFingerprint,
            Files = [],
        };
    }
}
