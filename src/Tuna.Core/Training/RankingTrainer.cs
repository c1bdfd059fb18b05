using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tuna.Distributed;
using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Trains a policy or a reward model on groups of ranked responses, with any objective over one number per response.</summary>
/// <remarks>
/// <para>
/// A step's gradient is that of the mean loss over all its groups, however they are cut into micro-batches. Weights are never updated with
/// NaN
/// or infinity. The same model, data, options and thread count give the same bits.
/// </para>
/// <para>
/// With a <see cref="TrainerOptions.RunFolder"/>, a run killed at any point and started again with the same arguments ends with the bits of
/// an
/// uninterrupted one: weights, moments, data order, partial accumulation and metrics.jsonl.
/// </para>
/// <para>Used by one thread. The model is the caller's: it is not disposed, and must have its initial weights when a run begins without a
/// checkpoint.</para>
/// </remarks>
public sealed class RankingTrainer
{
    private readonly ITrainableScorer _model;
    private readonly IRankingLoss _loss;
    private readonly TrainerOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly IMeterFactory? _meterFactory;
    private readonly IProcessGroup _group;

    /// <summary>Creates a trainer.</summary>
    /// <param name="model">The policy or reward model to train, in place.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="options">How to train.</param>
    /// <param name="logger">Where messages go; nowhere when null.</param>
    /// <param name="timeProvider">The clock behind speeds and estimates; the system's when null.</param>
    /// <param name="meterFactory">Makes the meter <see cref="TunaTelemetry.Name"/>; the trainer makes and disposes its own when
    /// null.</param>
    /// <param name="group">The processes that train together; this one alone when null. All make a trainer with the same model, loss and
    /// options, and call
    /// <see cref="Train"/> with the same data; rank 0 alone writes and evaluates.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public RankingTrainer(
        ITrainableScorer model,
        IRankingLoss loss,
        TrainerOptions options,
        ILogger<RankingTrainer>? logger = null,
        TimeProvider? timeProvider = null,
        IMeterFactory? meterFactory = null,
        IProcessGroup? group = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _model = model;
        _loss = loss;
        _options = options;
        _logger = logger ?? NullLogger<RankingTrainer>.Instance;
        _time = timeProvider ?? TimeProvider.System;
        _meterFactory = meterFactory;
        _group = group ?? IProcessGroup.Single;
    }

    /// <summary>Trains.</summary>
    /// <param name="groups">The data set.</param>
    /// <param name="reference">Log-probabilities under the frozen reference policy, for losses that need them; from
    /// <see cref="ReferenceLogProbs.GetOrScore"/> or <see cref="ReferenceLogProbs.Score"/>.</param>
    /// <param name="evaluate">Called with the number of finished steps, at the end and every
    /// <see cref="TrainerOptions.EvaluateEverySteps"/>; may use the model but not train it. Its values go into the metrics; to resume to
    /// the same bytes it must be deterministic.</param>
    /// <param name="progress">Gets a report after each step, on the training thread.</param>
    /// <param name="heldOut">Rows to measure on, at the end and every <see cref="TrainerOptions.EvaluateEverySteps"/>, under the names of
    /// <see cref="HeldOutRows"/>; null for none.</param>
    /// <param name="observer">Follows the run; null for nobody.</param>
    /// <param name="cancellationToken">Stops between micro-batches, the weights staying at the last finished step; by default a checkpoint
    /// is written first.</param>
    /// <returns>What the run did.</returns>
    /// <exception cref="ArgumentException">There is no data, or a row does not fit the model or lacks what the loss needs; all rows are
    /// checked before the first step, and the message names the row's id.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="NonFiniteTrainingException">NaN or infinity, with <see cref="NonFiniteAction.Throw"/> or too often.</exception>
    /// <exception cref="InvalidOperationException">The run folder holds a run that may not or cannot be resumed; the message names what
    /// differs.</exception>
    /// <exception cref="InvalidDataException">A file of the run folder is damaged.</exception>
    /// <exception cref="ProcessGroupException">The processes do not do the same run, or one of them is gone.</exception>
    public TrainingResult Train(
        IReadOnlyList<TokenGroup> groups,
        ReferenceLogProbs? reference = null,
        Func<long, CancellationToken, IReadOnlyDictionary<string, double>>? evaluate = null,
        IProgress<TrainingProgress>? progress = null,
        HeldOutRows? heldOut = null,
        ITrainingObserver? observer = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(groups);
        TrainingSetup setup = new TrainingSetup
        {
            Model = _model,
            Loss = _loss,
            Options = _options,
            Logger = _logger,
            Time = _time,
            Groups = groups,
            Reference = reference,
            Evaluate = evaluate,
            Progress = progress,
            HeldOut = heldOut,
            Observer = observer,
            Group = _group,
        }.Check();
        using var journal = new RunJournal(setup);
        using var meter = new TrainingMeter(_meterFactory);
        return new TrainingRun(setup, journal, meter).Execute(cancellationToken);
    }
}
