using System.Text.Json.Serialization;

namespace Tuna.Training;

/// <summary>The content of a checkpoint's <c>trainer.json</c>: where the run stands and what it must be resumed with. No times, so that
/// equal runs write equal files.</summary>
internal sealed record TrainerState
{
    /// <summary>
    /// 2: a checkpoint carries checksums and a copy of its metrics, and records a loss's own description. Version 1, which is still read,
    /// has the lengths of its files instead and records what the loss made of made-up batches.
    /// </summary>
    public const int CurrentVersion = 2;

    public required int Version { get; init; }

    /// <summary>Finished steps, skipped ones included.</summary>
    public required long Step { get; init; }

    /// <summary>0-based epoch of the next micro-batch; follows from the step, written for readers.</summary>
    public required int Epoch { get; init; }

    /// <summary>Groups of that epoch that are done; follows from the step too.</summary>
    public required int GroupsDoneInEpoch { get; init; }

    /// <summary>Micro-batches of the next step that are already accumulated.</summary>
    public required int MicroBatch { get; init; }

    /// <summary>Micro-batches of the run that are done, which decides when the next checkpoint within a step is due.</summary>
    public required long MicroBatchesDone { get; init; }

    public required int SkippedSteps { get; init; }

    /// <summary>Whether the evaluation after the last finished step has still to be done.</summary>
    public required bool EvaluationPending { get; init; }

    /// <summary>Sums over the accumulated micro-batches.</summary>
    public required StepStatistics Partial { get; init; }

    /// <summary>What the watched metric was so far; null where none is watched.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public WatchState? Watch { get; init; }

    /// <summary>Bytes of metrics.jsonl that belong to this state.</summary>
    public required long MetricsLength { get; init; }

    /// <summary>What decides the course of the run, by name.</summary>
    public required SortedDictionary<string, string> Options { get; init; }

    /// <summary>Number of groups in the data set.</summary>
    public required int GroupCount { get; init; }

    /// <summary>Hash of the data set.</summary>
    public required string Data { get; init; }

    /// <summary>In version 1 the checkpoint's other files and their lengths in bytes; later ones have
    /// <see cref="CheckpointChecksums"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SortedDictionary<string, long>? Files { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(TrainerState))]
internal sealed partial class TrainerStateJson : JsonSerializerContext;
