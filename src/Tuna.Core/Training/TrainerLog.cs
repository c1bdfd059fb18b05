using Microsoft.Extensions.Logging;

namespace Tuna.Training;

/// <summary>The trainer's log messages.</summary>
internal static partial class TrainerLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information,
        Message = "Training on {Groups} groups: {Steps} steps of up to {GroupsPerStep} groups.")]
    public static partial void Started(ILogger logger, int groups, long steps, int groupsPerStep);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information,
        Message = "Resuming from {Folder} after step {Step}, micro-batch {MicroBatch}.")]
    public static partial void Resumed(ILogger logger, string folder, long step, int microBatch);

    [LoggerMessage(EventId = 3, Level = LogLevel.Debug, Message =
        "Step {Step} of {Steps}: loss {Loss}, learning rate {LearningRate}, gradient norm {GradientNorm}, active {ActiveFraction}.")]
    public static partial void StepDone(ILogger logger, long step, long steps, double loss, double learningRate, double gradientNorm,
        double activeFraction);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "Step {Step} is left out: {Reason}.")]
    public static partial void StepSkipped(ILogger logger, long step, string reason);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "Checkpoint {Folder}.")]
    public static partial void CheckpointWritten(ILogger logger, string folder);

    [LoggerMessage(EventId = 13, Level = LogLevel.Error, Message = "The last checkpoint was not written. {Why}")]
    public static partial void CheckpointFailed(ILogger logger, string why);

    [LoggerMessage(EventId = 6, Level = LogLevel.Warning, Message = "Passing over a damaged checkpoint. {What}")]
    public static partial void CheckpointIgnored(ILogger logger, string what);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "Training was cancelled after step {Step}.")]
    public static partial void Cancelled(ILogger logger, long step);

    [LoggerMessage(EventId = 8, Level = LogLevel.Information, Message = "Training is done: {Steps} steps, {Skipped} left out.")]
    public static partial void Finished(ILogger logger, long steps, int skipped);

    [LoggerMessage(EventId = 10, Level = LogLevel.Information, Message = "Evaluation after step {Step}: {Name} {Value}.")]
    public static partial void Evaluated(ILogger logger, long step, string name, double value);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information,
        Message = "Training ends after step {Step} of {Steps}: {Metric} did not improve in {Evaluations} evaluations.")]
    public static partial void StoppedEarly(ILogger logger, long step, long steps, string metric, int evaluations);

    [LoggerMessage(EventId = 12, Level = LogLevel.Information, Message = "The weights are those of {Folder}, with {Metric} {Value}.")]
    public static partial void BestLoaded(ILogger logger, string folder, string metric, double value);

    [LoggerMessage(EventId = 9, Level = LogLevel.Warning,
        Message = "{File} was changed or deleted since {Checkpoint} was written; it is put back from there.")]
    public static partial void MetricsRestored(ILogger logger, string file, string checkpoint);
}
