using System.Diagnostics;

namespace Tuna.Training;

/// <summary>The spans of a run; null where nobody listens.</summary>
internal static class TrainingSpans
{
    public static Activity? Run(TrainingSetup setup, long steps, long from)
    {
        Activity? span = TunaTelemetry.Source.StartActivity("train");
        span?.SetTag("tuna.groups", setup.Groups.Count).SetTag("tuna.steps", steps).SetTag("tuna.resumed_from", from)
            .SetTag("tuna.loss", setup.Loss.Describe().ToString()).SetTag("tuna.processes", setup.Group.Size);
        return span;
    }

    public static Activity? Step() => TunaTelemetry.Source.StartActivity("train step");

    public static Activity? Evaluation() => TunaTelemetry.Source.StartActivity("evaluate");

    public static Activity? Checkpoint(long step) => TunaTelemetry.Source.StartActivity("checkpoint")?.SetTag("tuna.step", step);

    public static void Tell(Activity? span, TrainingStep step)
    {
        if (span is null)
            return;
        span.SetTag("tuna.step", step.Step).SetTag("tuna.epoch", step.Epoch).SetTag("tuna.train.loss", step.Loss)
            .SetTag("tuna.train.learning_rate", step.LearningRate).SetTag("tuna.train.gradient_norm", step.GradientNorm)
            .SetTag("tuna.train.margin", step.Margin).SetTag("tuna.train.pair_accuracy", step.PairAccuracy)
            .SetTag("tuna.train.tokens", step.Tokens);
        if (step.Skipped is not null)
            span.SetStatus(ActivityStatusCode.Error, "the step was left out"); // why may name rows of the data
    }

    public static void Tell(Activity? span, TrainingEvaluation evaluation)
    {
        span?.SetTag("tuna.step", evaluation.Step);
        foreach ((string name, double value) in evaluation.Evaluation)
            span?.SetTag("tuna.evaluation." + name, value);
    }
}
