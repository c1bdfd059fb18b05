using System.Globalization;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>How a micro-batch's gradient is computed.</summary>
public enum PassMode
{
    /// <summary>One pass over the whole micro-batch: prompts are computed once and everything backward needs is held.</summary>
    Fused,

    /// <summary>
    /// Score the micro-batch first, then pass over one response at a time, and only over those with a gradient. The same result up to float
    /// rounding; holds one response's activations instead of a micro-batch's, at the cost of a second forward.
    /// </summary>
    ScoreFirst,
}

/// <summary>What to do when a loss, a log-probability or a gradient is NaN or infinite. The weights are never updated with it.</summary>
public enum NonFiniteAction
{
    /// <summary>Throw <see cref="NonFiniteTrainingException"/>; the weights stay at the last finished step.</summary>
    Throw,

    /// <summary>Leave the step out, up to <see cref="TrainerOptions.MaxSkippedSteps"/> times, then throw.</summary>
    SkipStep,
}

/// <summary>How to train. Immutable; checked by <see cref="Validate"/> when a trainer is made.</summary>
public sealed record TrainerOptions
{
    /// <summary>Times that the data is gone through, >= 1. Default 1, as in the paper.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Groups that are passed through the model at once, >= 1. Default 1.</summary>
    public int GroupsPerMicroBatch { get; init; } = 1;

    /// <summary>Micro-batches whose gradients make one step, >= 1. Default 1. An epoch's last step may have fewer.</summary>
    public int MicroBatchesPerStep { get; init; } = 1;

    /// <summary>
    /// Most prompt and response tokens of a micro-batch; 0 cuts a step into micro-batches of <see cref="GroupsPerMicroBatch"/> groups
    /// instead. >= 0, default 0. A step has the same groups
    /// either way, and so the same gradient up to float rounding; in the step's order as many groups as fit go together, and a larger one
    /// alone. Fills an accelerator evenly.
    /// </summary>
    public int MicroBatchTokens { get; init; }

    /// <summary>
    /// Leaves that a step's micro-batches are cut into, a power of two from 1 to 1024. Default 1. Gradients are summed in a balanced tree
    /// over the leaves, so that 1, 2, 4 ... processes, up to as many as there are leaves, give the same bits; the number of processes must
    /// divide it. With more than one there are no checkpoints within a step.
    /// </summary>
    /// <remarks>A process holds log2(leaves / processes) more gradients than one. A step with fewer micro-batches than leaves has empty
    /// ones.</remarks>
    public int GradientLeaves { get; init; } = 1;

    /// <summary>Whether each process keeps the optimizer's state of its share of the weights only (ZeRO stage 1, arXiv 1910.02054): less
    /// memory, the same result. Default false.</summary>
    public bool ShardOptimizer { get; init; }

    /// <summary>Peak learning rate, > 0. Default 1e-5, the paper's for ranking (2e-5 for instruction tuning, 1e-6 when starting from a
    /// ranked model).</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Course of the learning rate. Default a cosine with 3% warm-up.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Cosine with { WarmupRatio = 0.03 };

    /// <summary>Constants of AdamW.</summary>
    public AdamWSettings Optimizer { get; init; } = new();

    /// <summary>Gradients with a larger global L2 norm are scaled down to it, > 0; infinity switches clipping off. Default 1.</summary>
    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>Seed of the data order. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether each epoch has an order of its own, derived from (<see cref="Seed"/>, epoch); otherwise the order given. Default
    /// true.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>How a micro-batch's gradient is computed. Default <see cref="PassMode.Fused"/>.</summary>
    public PassMode PassMode { get; init; }

    /// <summary>What to do about NaN and infinity. Default <see cref="NonFiniteAction.Throw"/>.</summary>
    public NonFiniteAction OnNonFinite { get; init; }

    /// <summary>Most steps that a run may skip, >= 0. Default 10.</summary>
    public int MaxSkippedSteps { get; init; } = 10;

    /// <summary>Steps between evaluations, when an evaluation or held-out rows are given; 0 evaluates at the end only. >= 0, default
    /// 0.</summary>
    public int EvaluateEverySteps { get; init; }

    /// <summary>
    /// The value of the evaluations, by its name, that says which checkpoint is the best and when to stop; null watches none. The best
    /// checkpoint is written where there is a <see cref="RunFolder"/>, and kept beside the newest ones. Default null.
    /// </summary>
    public string? WatchedMetric { get; init; }

    /// <summary>Whether a higher <see cref="WatchedMetric"/> is better, as of an accuracy; otherwise a lower one is, as of a loss. Default
    /// false.</summary>
    public bool WatchedMetricRises { get; init; }

    /// <summary>Evaluations without an improvement of <see cref="WatchedMetric"/> after which the run ends; 0 never ends it early. >= 0,
    /// default 0.</summary>
    public int Patience { get; init; }

    /// <summary>What an improvement has to exceed for <see cref="Patience"/>, counted from the last one that did, so that small ones add
    /// up. >= 0, default 0.</summary>
    public double MinimumImprovement { get; init; }

    /// <summary>Whether the model ends with the weights of the best checkpoint instead of the last step's. Needs a
    /// <see cref="WatchedMetric"/> and a <see cref="RunFolder"/>. Default false.</summary>
    public bool EndWithBest { get; init; }

    /// <summary>Where <c>metrics.jsonl</c> and the checkpoints go; null writes nothing. Default null.</summary>
    public string? RunFolder { get; init; }

    /// <summary>Whether to continue from the newest complete checkpoint in <see cref="RunFolder"/>; without, a folder that holds a run is
    /// refused. Default true.</summary>
    public bool Resume { get; init; } = true;

    /// <summary>Steps between checkpoints; 0 writes one at the end only. >= 0, default 100.</summary>
    public int CheckpointEverySteps { get; init; } = 100;

    /// <summary>Micro-batches between checkpoints within a step, which store the partial accumulation; 0 for none. >= 0, default
    /// 0.</summary>
    public int CheckpointEveryMicroBatches { get; init; }

    /// <summary>How many checkpoints to keep, >= 1. Default 2.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>
    /// Whether a checkpoint is copied to memory and written from there while training goes on (asynchronous checkpoints). The files and the
    /// run are the same; host memory holds one checkpoint more until it is written. Where the engine makes no copy, or there is no room
    /// for one, training waits as it does without. Default false.
    /// </summary>
    public bool AsyncCheckpoints { get; init; }

    /// <summary>Whether cancellation writes a checkpoint before it throws. Default true.</summary>
    public bool CheckpointOnCancellation { get; init; } = true;

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option that is out of range.</exception>
    /// <exception cref="ArgumentException"><see cref="RunFolder"/> or <see cref="WatchedMetric"/> is empty, or <see cref="EndWithBest"/>
    /// lacks what it needs.</exception>
    public void Validate()
    {
        Require(Epochs >= 1, nameof(Epochs), Epochs, ">= 1");
        Require(GroupsPerMicroBatch >= 1, nameof(GroupsPerMicroBatch), GroupsPerMicroBatch, ">= 1");
        Require(MicroBatchesPerStep >= 1, nameof(MicroBatchesPerStep), MicroBatchesPerStep, ">= 1");
        Require((long)GroupsPerMicroBatch * MicroBatchesPerStep <= int.MaxValue, nameof(MicroBatchesPerStep), MicroBatchesPerStep,
            "small enough for one step's groups to be counted");
        Require(MicroBatchTokens >= 0, nameof(MicroBatchTokens), MicroBatchTokens, ">= 0");
        Require(GradientLeaves is >= 1 and <= 1024
            && int.IsPow2(GradientLeaves), nameof(GradientLeaves), GradientLeaves, "a power of two from 1 to 1024");
        Require(GradientLeaves == 1 || CheckpointEveryMicroBatches == 0, nameof(CheckpointEveryMicroBatches), CheckpointEveryMicroBatches,
            $"0 where {nameof(GradientLeaves)} is above 1");
        Require(double.IsFinite(LearningRate) && LearningRate > 0, nameof(LearningRate), LearningRate, "finite and > 0");
        Require(MaxGradientNorm > 0, nameof(MaxGradientNorm), MaxGradientNorm, "> 0");
        Require(MaxSkippedSteps >= 0, nameof(MaxSkippedSteps), MaxSkippedSteps, ">= 0");
        Require(EvaluateEverySteps >= 0, nameof(EvaluateEverySteps), EvaluateEverySteps, ">= 0");
        Require(Patience >= 0, nameof(Patience), Patience, ">= 0");
        Require(WatchedMetric is not null || Patience == 0, nameof(Patience), Patience, $"0 without a {nameof(WatchedMetric)}");
        Require(double.IsFinite(MinimumImprovement)
            && MinimumImprovement >= 0, nameof(MinimumImprovement), MinimumImprovement, "finite and >= 0");
        Require(CheckpointEverySteps >= 0, nameof(CheckpointEverySteps), CheckpointEverySteps, ">= 0");
        Require(CheckpointEveryMicroBatches >= 0, nameof(CheckpointEveryMicroBatches), CheckpointEveryMicroBatches, ">= 0");
        Require(KeepCheckpoints >= 1, nameof(KeepCheckpoints), KeepCheckpoints, ">= 1");
        Require(Enum.IsDefined(PassMode), nameof(PassMode), (int)PassMode, "a defined mode");
        Require(Enum.IsDefined(OnNonFinite), nameof(OnNonFinite), (int)OnNonFinite, "a defined action");
        ArgumentNullException.ThrowIfNull(Schedule);
        Schedule.Validate();
        ArgumentNullException.ThrowIfNull(Optimizer);
        Optimizer.Validate();
        if (WatchedMetric is { Length: 0 })
            throw new ArgumentException($"{nameof(WatchedMetric)} is empty; name a value of the evaluations, or null to watch none.");
        if (EndWithBest && (WatchedMetric is null || RunFolder is null))
            throw new ArgumentException($"{nameof(EndWithBest)} needs a {nameof(WatchedMetric)} to choose by and a {nameof(RunFolder)} to "
                + $"keep the best checkpoint in.");
        if (RunFolder is { Length: 0 })
            throw new ArgumentException($"{nameof(RunFolder)} is empty; give a folder, or null to write nothing.");

        static void Require(bool holds, string name, double value, string rule)
        {
            if (!holds)
                throw new ArgumentOutOfRangeException(name, value, $"{name} must be {rule}.");
        }
    }

    /// <summary>The options that decide the course of a run, by name: a resumed run must have the same ones. How often and where to save
    /// may change.</summary>
    /// <remarks>A test goes over all properties, so that one that is forgotten here is noticed.</remarks>
    internal SortedDictionary<string, string> Fingerprint() => new(StringComparer.Ordinal)
    {
        [nameof(Epochs)] = Text(Epochs),
        [nameof(GroupsPerMicroBatch)] = Text(GroupsPerMicroBatch),
        [nameof(MicroBatchesPerStep)] = Text(MicroBatchesPerStep),
        [nameof(MicroBatchTokens)] = Text(MicroBatchTokens),
        [nameof(GradientLeaves)] = Text(GradientLeaves),
        [nameof(LearningRate)] = Text(LearningRate),
        [nameof(Schedule)] =
            $"{Schedule.GetType().Name} {Text(Schedule.WarmupSteps)} {Text(Schedule.WarmupRatio)} {Text(Schedule.MinimumFactor)}",
        [nameof(AdamWSettings.Beta1)] = Text(Optimizer.Beta1),
        [nameof(AdamWSettings.Beta2)] = Text(Optimizer.Beta2),
        [nameof(AdamWSettings.Epsilon)] = Text(Optimizer.Epsilon),
        [nameof(AdamWSettings.WeightDecay)] = Text(Optimizer.WeightDecay),
        [nameof(MaxGradientNorm)] = Text(MaxGradientNorm),
        [nameof(Seed)] = Text(Seed),
        [nameof(Shuffle)] = Shuffle ? "true" : "false",
        [nameof(PassMode)] = PassMode.ToString(),
        [nameof(OnNonFinite)] = OnNonFinite.ToString(),
        [nameof(MaxSkippedSteps)] = Text(MaxSkippedSteps),
        [nameof(EvaluateEverySteps)] = Text(EvaluateEverySteps),
        [nameof(WatchedMetric)] = WatchedMetric ?? "",
        [nameof(WatchedMetricRises)] = WatchedMetricRises ? "true" : "false",
        [nameof(Patience)] = Text(Patience),
        [nameof(MinimumImprovement)] = Text(MinimumImprovement),
        [nameof(EndWithBest)] = EndWithBest ? "true" : "false",
    };

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
