using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>One call of <see cref="RankingTrainer.Train"/>: restore, then step after step (forward, loss, backward, update), each recorded,
/// until all are done.</summary>
/// <remarks>
/// Its position is a <see cref="RunPosition"/> and always names a moment between micro-batches: a micro-batch is accumulated wholly or not
/// at
/// all. So a checkpoint may be written wherever cancellation is noticed.
/// </remarks>
internal sealed class TrainingRun
{
    private readonly TrainingSetup _setup;
    private readonly ITrainableScorer _model;
    private readonly TrainerOptions _options;
    private readonly ILogger _log;
    private readonly TrainingPlan _plan;
    private readonly TrainingReport _report;
    private readonly RunJournal _journal;
    private readonly RunGroup _group;
    private readonly MicroBatchRunner _runner;
    private readonly StepLeaves? _leaves; // of steps that are cut into leaves

    public TrainingRun(TrainingSetup setup, RunJournal journal, TrainingMeter meter)
    {
        _setup = setup;
        _journal = journal;
        _model = setup.Model;
        _options = setup.Options;
        _log = setup.Logger;
        _plan = new TrainingPlan(setup.Groups, _options);
        _report = new TrainingReport(setup, meter, _plan.TotalSteps);
        _group = new RunGroup(setup, journal);
        _runner = new MicroBatchRunner(setup, _plan);
        _leaves = _options.GradientLeaves > 1 ? new StepLeaves(setup, _runner) : null;
    }

    public TrainingResult Execute(CancellationToken cancellationToken)
    {
        TrainerLog.Started(_log, _setup.Groups.Count, _plan.TotalSteps, _plan.GroupsPerStep);
        _group.RequireSameRun();
        _model.ClearGradients();
        RunPosition at = Restore();
        _leaves?.Settle(at.Step);
        _group.RequireSameWeights(at.Step);
        long resumedFrom = at.Step;
        using Activity? span = TrainingSpans.Run(_setup, _plan.TotalSteps, resumedFrom);
        _setup.Observer?.Started(_journal.Steps, _journal.Evaluations);
        try
        {
            while (true)
            {
                if (at.EvaluationPending)
                    Evaluate(at, cancellationToken);
                bool ends = at.Step == _plan.TotalSteps || at.Watch is { Stopped: true };
                if (at.MicroBatch == 0 && at.Step > 0
                    && (ends || at.Step == at.Watch?.BestStep || IsMultiple(at.Step, _options.CheckpointEverySteps)))
                    Save(at);
                if (ends)
                    break;
                using Activity? stepSpan = TrainingSpans.Step();
                long start = _report.Now;
                StepOutcome outcome = RunStep(at, cancellationToken);
                TrainingStep done = Finish(at, outcome);
                _journal.Append(done);
                _report.StepDone(done, start);
                TrainingSpans.Tell(stepSpan, done);
                _setup.Observer?.StepDone(done);
            }
        }
        catch (OperationCanceledException)
        {
            TrainerLog.Cancelled(_log, at.Step);
            if (_leaves is not null)
                _model.ClearGradients(); // a part of a step is not saved: it would depend on the number of processes
            _leaves?.Settle(at.Step);
            if (_options.CheckpointOnCancellation && (_leaves is not null || double.IsFinite(_model.GradientNorm())))
                Save(at);
            _journal.Settle();
            throw;
        }
        finally
        {
            _model.ClearGradients(); // whatever a step that did not finish has accumulated
        }

        _journal.Settle();
        if (at.Step < _plan.TotalSteps)
            TrainerLog.StoppedEarly(_log, at.Step, _plan.TotalSteps, _options.WatchedMetric!, at.Watch!.Stale);
        if (_options.EndWithBest && at.Watch is { BestStep: > 0 } watch && watch.BestStep < at.Step)
        {
            string folder = _group.LoadBest(watch.BestStep);
            TrainerLog.BestLoaded(_log, folder, _options.WatchedMetric!, watch.BestValue);
        }
        TrainerLog.Finished(_log, at.Step, at.SkippedSteps);
        return Result(at, resumedFrom);
    }

    private TrainingResult Result(RunPosition at, long resumedFrom)
    {
        (long step, double value) = at.Watch is { BestStep: > 0 } watch ? (watch.BestStep, watch.BestValue) : (0, double.NaN);
        return new TrainingResult(at.Step, at.SkippedSteps, resumedFrom, _journal.Steps, _journal.Evaluations, _journal.LastCheckpoint)
        {
            BestStep = step,
            BestValue = value,
            StoppedEarly = at.Step < _plan.TotalSteps,
        };
    }

    private RunPosition Restore()
    {
        if (_group.Open() is not { } checkpoint)
            return new RunPosition();
        _model.LoadTrainingState(checkpoint.Folder);
        RunPosition at = RunPosition.Of(checkpoint.State, evaluates: _setup.Evaluates);
        TrainerLog.Resumed(_log, checkpoint.Folder, at.Step, at.MicroBatch);
        return at;
    }

    /// <summary>Accumulates the micro-batches that the step still lacks, then updates the weights, or leaves the step out.</summary>
    private StepOutcome RunStep(RunPosition at, CancellationToken cancellationToken)
    {
        StepRange range = _plan.Range(at.Step);
        double learningRate = _options.LearningRate * _options.Schedule.Factor(at.Step + 1, _plan.TotalSteps);
        if ((_leaves is null ? Accumulate(at, range, cancellationToken) : _leaves.Accumulate(at, range, cancellationToken)) is { } fault)
            return Skip(at, fault, learningRate);
        double norm = _model.GradientNorm();
        if (!double.IsFinite(norm))
            return Skip(at, Fault($"the gradient norm is {norm}"), learningRate);
        double scale = norm > _options.MaxGradientNorm ? _options.MaxGradientNorm / norm : 1;
        // Skipped steps made no update, so the bias correction must not count them.
        try
        {
            _model.ApplyGradients(new AdamWStep(at.Step + 1 - at.SkippedSteps, learningRate, scale, _options.Optimizer));
        }
        catch (NonFiniteStepException e)
        {
            return Skip(at, Fault($"the update is refused. {e.Message.TrimEnd('.')}"), learningRate);
        }

        return new StepOutcome(learningRate, norm, Skipped: null);

        NonFiniteTrainingException Fault(string what) => new(at.Step + 1, GroupIds(range), what);
    }

    /// <summary>One micro-batch after another, with checkpoints between them.</summary>
    /// <returns>What is not finite; null when all is well.</returns>
    private NonFiniteTrainingException? Accumulate(RunPosition at, StepRange range, CancellationToken cancellationToken)
    {
        while (at.MicroBatch < range.MicroBatches)
        {
            cancellationToken.ThrowIfCancellationRequested();
            NonFiniteTrainingException? fault = _runner.Run(at.Step, range, at.MicroBatch, at.Partial, cancellationToken);
            at.MicroBatch++;
            at.MicroBatchesDone++;
            if (fault is not null)
                return fault;
            if (at.MicroBatch < range.MicroBatches && IsMultiple(at.MicroBatchesDone, _options.CheckpointEveryMicroBatches))
            {
                // What is not finite is never saved.
                if (!double.IsFinite(_model.GradientNorm()))
                    break;
                Save(at);
            }
        }

        return null;
    }

    private StepOutcome Skip(RunPosition at, NonFiniteTrainingException fault, double learningRate)
    {
        _model.ClearGradients();
        if (_options.OnNonFinite == NonFiniteAction.Throw || at.SkippedSteps >= _options.MaxSkippedSteps)
            throw fault;
        TrainerLog.StepSkipped(_log, fault.Step, fault.What);
        return new StepOutcome(learningRate, double.NaN, fault.What);
    }

    /// <summary>Moves the position to the next step.</summary>
    private TrainingStep Finish(RunPosition at, StepOutcome outcome)
    {
        int epoch = _plan.Position(at.Step).Epoch;
        TrainingStep done = at.Partial.ToStep(at.Step + 1, epoch + 1, outcome.LearningRate, outcome.GradientNorm, outcome.Skipped);
        at.Step++;
        at.MicroBatch = 0;
        at.SkippedSteps += outcome.Skipped is null ? 0 : 1;
        at.Partial = new StepStatistics();
        _leaves?.Settle(at.Step);
        at.EvaluationPending = _setup.Evaluates
            && (at.Step == _plan.TotalSteps || IsMultiple(at.Step, _options.EvaluateEverySteps));
        return done;
    }

    private void Evaluate(RunPosition at, CancellationToken cancellationToken)
    {
        using Activity? span = TrainingSpans.Evaluation();
        SortedDictionary<string, double> values = _group.Evaluate(at.Step, cancellationToken);
        if (_options.WatchedMetric is { } metric)
        {
            if (!values.TryGetValue(metric, out double watched))
                throw new InvalidOperationException(
                    $"{nameof(TrainerOptions.WatchedMetric)} is '{metric}', but the evaluation after step {at.Step} gives "
                    + $"{string.Join(", ", values.Keys)}.");
            at.Watch = (at.Watch ?? new WatchState()).After(at.Step, watched, _options);
        }
        at.EvaluationPending = false;
        var evaluation = new TrainingEvaluation(at.Step, values);
        _journal.Append(evaluation);
        foreach ((string name, double value) in values)
            TrainerLog.Evaluated(_log, at.Step, name, value);
        _report.Evaluated(evaluation);
        TrainingSpans.Tell(span, evaluation);
        _setup.Observer?.Evaluated(evaluation);
    }

    private void Save(RunPosition at)
    {
        using Activity? span = TrainingSpans.Checkpoint(at.Step);
        _group.Save(at.ToState(_plan, _setup, _journal.MetricsLength));
    }

    private List<string> GroupIds(StepRange range)
    {
        var ids = new List<string>();
        foreach (int i in _plan.Order(range.Epoch).Slice(range.First, range.Count))
            ids.Add(_setup.Groups[i].Id);
        return ids;
    }

    private static bool IsMultiple(long count, int every) => every > 0 && count % every == 0;

    /// <summary>What became of a step.</summary>
    /// <param name="LearningRate">Its learning rate.</param>
    /// <param name="GradientNorm">Norm of its gradient before clipping; NaN when it was left out.</param>
    /// <param name="Skipped">Why it was left out; null when the weights were updated.</param>
    private readonly record struct StepOutcome(double LearningRate, double GradientNorm, string? Skipped);
}
