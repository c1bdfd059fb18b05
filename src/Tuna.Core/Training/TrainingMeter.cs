using System.Diagnostics.Metrics;

namespace Tuna.Training;

/// <summary>The instruments of training, of the meter <see cref="TunaTelemetry.Name"/>.</summary>
internal sealed class TrainingMeter : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _steps;
    private readonly Counter<long> _groups;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _loss;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _gradientNorm;
    private readonly Gauge<double> _learningRate;
    private readonly Gauge<double> _evaluation;

    public TrainingMeter(IMeterFactory? factory)
    {
        _meter = factory?.Create(new MeterOptions(TunaTelemetry.Name)) ?? new Meter(TunaTelemetry.Name);
        _steps = _meter.CreateCounter<long>("tuna.training.steps", "{step}", "Finished steps.");
        _groups = _meter.CreateCounter<long>("tuna.training.groups", "{group}", "Groups trained on.");
        _tokens = _meter.CreateCounter<long>("tuna.training.tokens", "{token}", "Prompt and response tokens trained on.");
        _loss = _meter.CreateHistogram<double>("tuna.training.loss", "nat", "Loss of a step.");
        _duration = _meter.CreateHistogram<double>("tuna.training.step.duration", "s", "Duration of a step.");
        _gradientNorm = _meter.CreateHistogram<double>("tuna.training.gradient_norm",
            description: "Norm of a step's gradient before clipping.");
        _learningRate = _meter.CreateGauge<double>("tuna.training.learning_rate", description: "Learning rate of the last step.");
        _evaluation = _meter.CreateGauge<double>("tuna.evaluation.value",
            description: "A value of the last evaluation; tag metric: its name.");
    }

    public void Record(TrainingStep step, TimeSpan duration)
    {
        _steps.Add(1);
        _groups.Add(step.Groups);
        _tokens.Add(step.Tokens);
        if (step.Skipped is null)
        {
            _loss.Record(step.Loss);
            _gradientNorm.Record(step.GradientNorm);
        }
        _learningRate.Record(step.LearningRate);
        _duration.Record(duration.TotalSeconds);
    }

    public void Record(TrainingEvaluation evaluation)
    {
        foreach ((string name, double value) in evaluation.Evaluation)
            _evaluation.Record(value, new KeyValuePair<string, object?>("metric", name));
    }

    /// <summary>Disposes a meter of its own; a factory's meter ignores this and lives as long as the factory.</summary>
    public void Dispose() => _meter.Dispose();
}
