using Tuna.Evaluation.Predictions;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Evaluation;

/// <summary>Shows how far a model's answers are.</summary>
internal sealed class PredictionMeter(Meter meter) : IProgress<PredictionProgress>
{
    public void Report(PredictionProgress value) => meter.At(value.Done);
}
