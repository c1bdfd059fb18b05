namespace Tuna.Training;

/// <summary>Whether what a <c>trainer.json</c> says is possible and agrees with itself, with its folder's name and with the data.</summary>
internal static class TrainerStateCheck
{
    /// <summary>What is wrong with a state by itself, or null.</summary>
    /// <param name="state">As it was read: any of its references may be null, whatever its type says.</param>
    /// <param name="folderName">Name of the checkpoint's folder.</param>
    public static string? Fault(TrainerState state, string folderName)
    {
        if (state is not { Partial: not null, Options: not null, Data: not null })
            return Named("'partial', 'options' or 'data' is null");
        if (state.Options.Any(option => option.Value is null))
            return Named("an option is null");
        (string Name, double Value)[] counts =
        [
            ("version", state.Version - 1), ("step", state.Step), ("epoch", state.Epoch), ("groupsDoneInEpoch", state.GroupsDoneInEpoch),
                ("microBatch", state.MicroBatch),
            ("microBatchesDone", state.MicroBatchesDone), ("skippedSteps", state.SkippedSteps), ("metricsLength", state.MetricsLength),
                ("groupCount", state.GroupCount - 1),
            ("partial.groups", state.Partial.Groups), ("partial.responses", state.Partial.Responses),
                ("partial.active", state.Partial.Active), ("partial.tokens", state.Partial.Tokens),
            ("partial.pairs", state.Partial.Pairs), ("partial.orderedPairs", state.Partial.OrderedPairs),
        ];
        foreach ((string name, double value) in counts)
        {
            if (value < 0)
                return Named($"'{name}' is too small");
        }
        if (state.Watch is { } watch && (watch.BestStep < 0 || watch.BestStep > state.Step || watch.Stale < 0
            || !double.IsFinite(watch.BestValue) || !double.IsFinite(watch.Level)))
            return Named("'watch' holds what no evaluation can have given");
        if (state.SkippedSteps > state.Step)
            return Named($"{state.SkippedSteps} skipped steps of {state.Step}");
        if (!double.IsFinite(state.Partial.Loss) || !double.IsFinite(state.Partial.MarginSum))
            return Named("'partial' holds a number that is not finite");
        if (state.MicroBatch == 0 && state.Partial != new StepStatistics())
            return Named("'partial' holds sums, but no micro-batch is accumulated");
        return folderName == TrainingCheckpoint.FolderName(state.Step, state.MicroBatch)
            ? null : Named($"the folder's name does not fit step {state.Step}, micro-batch {state.MicroBatch}");
    }

    /// <summary>What does not follow from the run's data and options as it should, or null.</summary>
    public static string? Fault(TrainerState state, TrainingPlan plan)
    {
        if (state.Step > plan.TotalSteps)
            return Named($"step {state.Step} of {plan.TotalSteps}");
        StepRange next = plan.Range(state.Step);
        if (state.Epoch != next.Epoch || state.GroupsDoneInEpoch != next.First + state.Partial.Groups)
            return Named($"epoch {state.Epoch} with {state.GroupsDoneInEpoch} groups done does not follow from step {state.Step}");
        if (state.MicroBatch >= next.MicroBatches)
            return Named($"micro-batch {state.MicroBatch} of {next.MicroBatches}");
        long done = plan.MicroBatchesBefore(state.Step) + state.MicroBatch;
        // A step that was skipped may have ended before its last micro-batch.
        return state.MicroBatchesDone == done || (state.SkippedSteps > 0 && state.MicroBatchesDone < done) ? null
            : Named($"{state.MicroBatchesDone} micro-batches done do not follow from step {state.Step}, micro-batch {state.MicroBatch}");
    }

    private static string Named(string what) => $"{TrainingCheckpoint.StateFile}: {what}";
}
