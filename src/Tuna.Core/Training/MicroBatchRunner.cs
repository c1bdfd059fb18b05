using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Passes one micro-batch at a time through the model: forward, loss, backward.</summary>
internal sealed class MicroBatchRunner(TrainingSetup setup, TrainingPlan plan)
{
    private readonly ITrainableScorer _model = setup.Model;
    private readonly IRankingLoss _loss = setup.Loss;
    private readonly MicroBatch _batch = new();
    private readonly bool _perToken = setup.Model is IPolicyModel; // log-probabilities grow with the length, rewards do not

    /// <summary>One micro-batch.</summary>
    /// <param name="step">The step, 0-based.</param>
    /// <param name="range">Its groups.</param>
    /// <param name="microBatch">Which of its micro-batches.</param>
    /// <param name="into">Counts it.</param>
    /// <param name="cancellationToken">Stops before anything is accumulated.</param>
    /// <returns>What is not finite, in which case nothing went backward; null when all is well.</returns>
    public NonFiniteTrainingException? Run(long step, StepRange range, int microBatch, StepStatistics into,
        CancellationToken cancellationToken)
    {
        _batch.Fill(setup.Groups, plan.MicroBatch(range, microBatch), setup.Reference);
        using IForwardPass pass = Forward(cancellationToken);
        RankingBatch view = _batch.View(pass.Values);
        double loss = EvaluateLoss(step, view);
        into.Count(_batch.Groups, view, _batch.Gradient, _perToken);
        if (!double.IsFinite(loss) || !AllFinite(view.Values) || !AllFinite(_batch.Gradient))
        {
            IReadOnlyList<string> ids = _batch.NonFiniteGroups(view.Values);
            string groups = string.Join(", ", ids.Take(8).Select(id => $"'{id}'"));
            return new NonFiniteTrainingException(
                step + 1, ids, $"the loss is {loss} and not every value of the model and its gradient is finite in group {groups}");
        }

        // The step's loss is the mean over its groups, also when the last micro-batch is smaller than the others.
        double weight = (double)_batch.Groups.Count / range.Count;
        into.Loss += weight * loss;
        foreach (ref double g in _batch.Gradient)
            g *= weight;
        if (_batch.Gradient.ContainsAnyExcept(0.0))
            pass.Backward(_batch.Gradient);
        return null;
    }

    private IForwardPass Forward(CancellationToken cancellationToken) => setup.Options.PassMode == PassMode.ScoreFirst
        ? new ScoreFirstPass(_model, _batch.Groups, _batch.ResponseCount, cancellationToken)
        : _model.Forward(_batch.Groups, cancellationToken);

    private double EvaluateLoss(long step, in RankingBatch view)
    {
        try
        {
            return _loss.Evaluate(view, _batch.Gradient);
        }
        catch (ArgumentException e)
        {
            // A loss knows groups by their place in the micro-batch only; people know them by their ids.
            string ids = string.Join(", ", _batch.Groups.Select((g, b) => $"{b} is '{g.Id}'"));
            throw new ArgumentException(
                $"Step {step + 1}: {_loss.Describe().Name} refuses a micro-batch: {e.Message} Of its groups, {ids}.", e);
        }
    }

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
