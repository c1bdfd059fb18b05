using System.Diagnostics;
using System.Diagnostics.Metrics;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

public sealed class TrainingSpansTests
{
    [Fact]
    public void Train_SomebodyListens_TracesStepsEvaluationsAndCheckpointsWithinTheRun()
    {
        using var temp = new TempFolder(inMemory: true);
        var spans = new List<Activity>();
        var mine = new AsyncLocal<bool> { Value = true }; // other tests train at the same time
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TunaTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) =>
                mine.Value ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = activity =>
            {
                if (mine.Value)
                    spans.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), TrainingFixtures.Options with
        {
            EvaluateEverySteps = 2,
            CheckpointEverySteps = 2,
            RunFolder = temp["run"],
        }).Train(TrainingFixtures.Groups(11), heldOut: new(TrainingFixtures.Groups(3, seed: 9)));

        Activity run = spans.Single(s => s.OperationName == "train");
        Activity[] steps = [.. spans.Where(s => s.OperationName == "train step")];
        Activity[] measured = [.. spans.Where(s => s.OperationName == "evaluate")];
        Assert.Equal([1L, 2L, 3L, 4L], steps.Select(s => s.GetTagItem("tuna.step")));
        Assert.Equal(result.History.Select(h => (object)h.Loss), steps.Select(s => s.GetTagItem("tuna.train.loss")));
        Assert.Equal(result.History.Select(h => (object)h.GradientNorm), steps.Select(s => s.GetTagItem("tuna.train.gradient_norm")));
        Assert.Equal(result.Evaluations.Select(e => (object)e.Evaluation["loss"]),
            measured.Select(s => s.GetTagItem("tuna.evaluation.loss")));
        Assert.Equal(2, spans.Count(s => s.OperationName == "checkpoint"));
        Assert.All(spans.Where(s => s != run), s => Assert.Equal(run.SpanId, s.ParentSpanId));
        Assert.Equal("HingeLoss Margin=0.3 Likelihood=0.5", run.GetTagItem("tuna.loss"));
    }

    [Fact]
    public void Train_Meter_CountsEvaluationsAndGradientNorms()
    {
        var values = new Dictionary<string, double>();
        int thread = Environment.CurrentManagedThreadId; // other tests train at the same time
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == TunaTelemetry.Name)
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            if (Environment.CurrentManagedThreadId == thread)
                values[instrument.Name + (tags.Length > 0 ? $" {tags[0].Value}" : "")] = value;
        });
        listener.Start();
        TrainingResult result = new RankingTrainer(new BigramPolicy(), new HingeLoss(), TrainingFixtures.Options)
            .Train(TrainingFixtures.Groups(11), heldOut: new(TrainingFixtures.Groups(3, seed: 9)));
        Assert.Equal(result.History[^1].GradientNorm, values["tuna.training.gradient_norm"]);
        Assert.Equal(result.History[^1].LearningRate, values["tuna.training.learning_rate"]);
        Assert.Equal(result.Evaluations[^1].Evaluation["nll"], values["tuna.evaluation.value nll"]);
    }
}
