using Microsoft.Extensions.Logging;
using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>One call of <see cref="RankingTrainer.Train"/>: order data, pass, loss, backward, step, report, checkpoint.</summary>
/// <remarks>
/// Its position is (<see cref="_step"/>, <see cref="_microBatch"/>) and always names a moment between micro-batches: a micro-batch is
/// accumulated wholly or not at all. So a checkpoint may be written wherever cancellation is noticed.
/// </remarks>
internal sealed class TrainingRun
{
    private readonly TrainingSetup _setup;
    private readonly ITrainablePolicy _policy;
    private readonly IRankingLoss _loss;
    private readonly TrainerOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly TrainingPlan _plan;
    private readonly PassStrategy _pass;
    private readonly PassStrategy.Evaluate _evaluateMicroBatch;
    private readonly TrainingMeter _meter;
    private readonly RunJournal _journal;
    private readonly MicroBatch _batch = new();

    private long _step; // finished steps
    private int _microBatch; // micro-batches of the next step that are accumulated
    private long _microBatchesDone;
    private int _skipped;
    private bool _evaluationPending;
    private StepStatistics _statistics = new();
    private StepRange _range;
    private NonFiniteTrainingException? _fault;
    private long _stepsHere; // finished by this process
    private TimeSpan _timeHere;

    public TrainingRun(TrainingSetup setup, RunJournal journal, TrainingMeter meter)
    {
        _setup = setup;
        _journal = journal;
        _meter = meter;
        _policy = setup.Policy;
        _loss = setup.Loss;
        _options = setup.Options;
        _log = setup.Logger;
        _time = setup.Time;
        _plan = new TrainingPlan(setup.Groups.Count, _options);
        _pass = _options.PassMode == PassMode.Fused ? new FusedPass() : new ScoreFirstPass();
        _evaluateMicroBatch = EvaluateMicroBatch;
    }

    public TrainingResult Execute(CancellationToken cancellationToken)
    {
        TrainerLog.Started(_log, _setup.Groups.Count, _plan.TotalSteps, _plan.GroupsPerStep);
        Restore();
        long resumedFrom = _step;
        try
        {
            while (true)
            {
                if (_evaluationPending)
                    RunEvaluation(cancellationToken);
                if (_microBatch == 0 && _step > 0 && (_step == _plan.TotalSteps || IsMultiple(_step, _options.CheckpointEverySteps)))
                    _journal.Save(State(), _policy);
                if (_step == _plan.TotalSteps)
                    break;
                RunStep(cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            TrainerLog.Cancelled(_log, _step);
            if (_options.CheckpointOnCancellation)
                _journal.Save(State(), _policy);
            throw;
        }
        finally
        {
            _policy.ClearGradients(); // whatever a step that did not finish has accumulated
        }
        TrainerLog.Finished(_log, _step, _skipped);
        return new TrainingResult(_step, _skipped, resumedFrom, _journal.Steps, _journal.Evaluations, _journal.LastCheckpoint);
    }

    private void Restore()
    {
        _policy.ClearGradients();
        if (_journal.Open() is not { } checkpoint)
            return;
        TrainerState state = checkpoint.State;
        _policy.LoadTrainingState(checkpoint.Folder);
        _step = state.Step;
        _microBatch = state.MicroBatch;
        _microBatchesDone = state.MicroBatchesDone;
        _skipped = state.SkippedSteps;
        _evaluationPending = state.EvaluationPending && _setup.Evaluate is not null;
        _statistics = state.Partial with { };
        TrainerLog.Resumed(_log, checkpoint.Folder, _step, _microBatch);
    }

    private void RunStep(CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        _range = _plan.Range(_step);
        while (_microBatch < _range.MicroBatches && _fault is null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _batch.Fill(_setup.Groups, _plan.MicroBatch(_range, _microBatch), _setup.Reference);
            _pass.Run(_policy, _batch, _evaluateMicroBatch, cancellationToken);
            _microBatch++;
            _microBatchesDone++;
            if (_fault is null && _microBatch < _range.MicroBatches && IsMultiple(_microBatchesDone, _options.CheckpointEveryMicroBatches))
                _journal.Save(State(), _policy);
        }

        double norm = _fault is null ? _policy.GradientNorm() : double.NaN;
        if (_fault is null && !double.IsFinite(norm))
            _fault = Fault(StepGroupIds(), $"the gradient norm is {norm}");
        double learningRate = _options.LearningRate * _options.Schedule.Factor(_step + 1, _plan.TotalSteps);
        if (_fault is null)
        {
            double scale = norm > _options.MaxGradientNorm ? _options.MaxGradientNorm / norm : 1;
            // Skipped steps made no update, so the bias correction must not count them.
            _policy.ApplyGradients(new AdamWStep(_step + 1 - _skipped, learningRate, scale, _options.Optimizer));
        }
        else
            SkipOrThrow(_fault);
        FinishStep(learningRate, norm, start);
    }

    /// <summary>Called within a pass: loss and gradient of the micro-batch, scaled to its share of the step.</summary>
    private bool EvaluateMicroBatch(ReadOnlySpan<double> logProbs)
    {
        RankingBatch view = _batch.View(logProbs);
        double loss = _loss.Evaluate(view, _batch.Gradient);
        Count(view, _batch.Gradient);
        if (!double.IsFinite(loss) || !AllFinite(logProbs) || !AllFinite(_batch.Gradient))
        {
            IReadOnlyList<string> ids = _batch.NonFiniteGroups(logProbs);
            _fault = Fault(ids, $"the loss is {loss} and not every log-probability and its gradient is finite in group {string.Join(", ", ids.Take(8).Select(id => $"'{id}'"))}");
            return false;
        }
        // The step's loss is the mean over its groups, also when the last micro-batch is smaller than the others.
        double weight = (double)_batch.Groups.Count / _range.Count;
        _statistics.Loss += weight * loss;
        foreach (ref double g in _batch.Gradient)
            g *= weight;
        return true;
    }

    private void Count(in RankingBatch view, ReadOnlySpan<double> gradient)
    {
        _statistics.Groups += view.GroupCount;
        _statistics.Responses += view.ResponseCount;
        foreach (double g in gradient)
            _statistics.Active += g != 0 ? 1 : 0;
        foreach (TokenGroup group in _batch.Groups)
            _statistics.Tokens += group.TokenCount;
        _statistics.AddPairs(view, _policy.Info.GivesRewards);
    }

    private void SkipOrThrow(NonFiniteTrainingException fault)
    {
        _policy.ClearGradients();
        if (_options.OnNonFinite == NonFiniteAction.Throw || _skipped >= _options.MaxSkippedSteps)
            throw fault;
        _skipped++;
        TrainerLog.StepSkipped(_log, fault.Step, fault.What);
    }

    private void FinishStep(double learningRate, double norm, long start)
    {
        _step++;
        TrainingStep done = _statistics.ToStep(_step, _range.Epoch + 1, learningRate, norm, _fault?.What);
        _microBatch = 0;
        _statistics = new StepStatistics();
        _fault = null;
        _evaluationPending = _setup.Evaluate is not null && (_step == _plan.TotalSteps || IsMultiple(_step, _options.EvaluateEverySteps));
        _journal.Append(done);

        TimeSpan duration = _time.GetElapsedTime(start);
        _stepsHere++;
        _timeHere += duration;
        _meter.Record(done, duration);
        TrainerLog.StepDone(_log, _step, _plan.TotalSteps, done.Loss, learningRate, norm, done.ActiveFraction);
        double seconds = Math.Max(duration.TotalSeconds, 1e-9);
        _setup.Progress?.Report(new TrainingProgress(done, _plan.TotalSteps, done.Groups / seconds, done.Tokens / seconds, _timeHere / _stepsHere * (_plan.TotalSteps - _step)));
    }

    private void RunEvaluation(CancellationToken cancellationToken)
    {
        var values = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach ((string name, double value) in _setup.Evaluate!(_step, cancellationToken))
            values[name] = value;
        _evaluationPending = false;
        _journal.Append(new TrainingEvaluation(_step, values));
    }

    private TrainerState State()
    {
        StepRange next = _plan.Range(_step);
        return new TrainerState
        {
            Version = TrainerState.CurrentVersion,
            Step = _step,
            Epoch = next.Epoch,
            GroupsDoneInEpoch = next.First + _statistics.Groups,
            MicroBatch = _microBatch,
            MicroBatchesDone = _microBatchesDone,
            SkippedSteps = _skipped,
            EvaluationPending = _evaluationPending,
            Partial = _statistics,
            MetricsLength = _journal.MetricsLength,
            Options = _setup.Fingerprint,
            GroupCount = _setup.Groups.Count,
            Data = _setup.DataFingerprint,
            Files = [],
        };
    }

    private NonFiniteTrainingException Fault(IReadOnlyList<string> ids, string what) => new(_step + 1, ids, what);

    private List<string> StepGroupIds()
    {
        var ids = new List<string>();
        foreach (int i in _plan.Order(_range.Epoch).Slice(_range.First, _range.Count))
            ids.Add(_setup.Groups[i].Id);
        return ids;
    }

    private static bool IsMultiple(long count, int every) => every > 0 && count % every == 0;

    private static bool AllFinite(ReadOnlySpan<double> values)
    {
        foreach (double value in values)
        {
            if (!double.IsFinite(value))
                return false;
        }
        return true;
    }
}
