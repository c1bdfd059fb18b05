namespace Tuna.Training;

/// <summary>What one step showed: a line of <c>metrics.jsonl</c>. Everything was computed before the step's update.</summary>
public sealed record TrainingStep
{
    /// <summary>1-based.</summary>
    public required long Step { get; init; }

    /// <summary>1-based.</summary>
    public required int Epoch { get; init; }

    /// <summary>Mean loss over the step's groups, nats; NaN when the step was skipped.</summary>
    public required double Loss { get; init; }

    /// <summary>Learning rate of the step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Global L2 norm of the gradient before clipping; NaN when the step was skipped.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Share of the responses with a gradient that is not zero, [0, 1]: those that cost backward work.</summary>
    public required double ActiveFraction { get; init; }

    /// <summary>Mean over all pairs of candidates with different scores of v_better - v_worse, where v is the mean log-probability per
    /// token, nats, or the reward of a reward model; null without such pairs.</summary>
    public double? Margin { get; init; }

    /// <summary>Share of those pairs with a positive difference, [0, 1]; null without such pairs.</summary>
    public double? PairAccuracy { get; init; }

    /// <summary>Groups in the step.</summary>
    public required int Groups { get; init; }

    /// <summary>Responses in the step.</summary>
    public required int Responses { get; init; }

    /// <summary>Prompt and response tokens in the step, each prompt counted once.</summary>
    public required long Tokens { get; init; }

    /// <summary>Why the step was left out; null when it was taken.</summary>
    public string? Skipped { get; init; }
}

/// <summary>The result of one evaluation: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Steps that were done.</param>
/// <param name="Evaluation">What the evaluation returned, by name.</param>
public sealed record TrainingEvaluation(long Step, IReadOnlyDictionary<string, double> Evaluation);

/// <summary>A report after a step.</summary>
/// <param name="Metrics">What the step showed.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="GroupsPerSecond">Speed of this step.</param>
/// <param name="TokensPerSecond">Speed of this step; prompts counted once.</param>
/// <param name="Remaining">Estimated time to the end, from the mean duration of the steps of this process.</param>
public sealed record TrainingProgress(TrainingStep Metrics, long TotalSteps, double GroupsPerSecond, double TokensPerSecond,
    TimeSpan Remaining);

/// <summary>What a run did, the part before a resumption included.</summary>
/// <param name="Steps">Steps of the run, skipped ones included.</param>
/// <param name="SkippedSteps">Steps that were left out because of NaN or infinity.</param>
/// <param name="ResumedFromStep">Steps that were already done when this process took over; 0 for a fresh run.</param>
/// <param name="History">Every step.</param>
/// <param name="Evaluations">Every evaluation.</param>
/// <param name="Checkpoint">Folder of the last checkpoint, a Hugging Face model folder; null without a run folder.</param>
public sealed record TrainingResult(
    long Steps,
    int SkippedSteps,
    long ResumedFromStep,
    IReadOnlyList<TrainingStep> History,
    IReadOnlyList<TrainingEvaluation> Evaluations,
    string? Checkpoint)
{
    /// <summary>Reads the steps and evaluations of a run from its <c>metrics.jsonl</c>, also while it still trains.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">A line is damaged; the message names it. A torn last line, which a running or killed trainer
    /// may leave, is passed over.</exception>
    public static (IReadOnlyList<TrainingStep> Steps, IReadOnlyList<TrainingEvaluation> Evaluations) ReadMetrics(string path) =>
        MetricsFile.Read(path);

    /// <summary>Finished steps at the best evaluation of <see cref="TrainerOptions.WatchedMetric"/>; 0 when there was none.</summary>
    public long BestStep { get; init; }

    /// <summary>The watched metric's value there; NaN when there was none.</summary>
    public double BestValue { get; init; } = double.NaN;

    /// <summary>Whether the run ended before its last step because the watched metric did not improve any more.</summary>
    public bool StoppedEarly { get; init; }

    /// <summary>Loss of the last step that was taken, nats; NaN when there was none.</summary>
    public double FinalLoss => History.LastOrDefault(s => s.Skipped is null)?.Loss ?? double.NaN;
}
