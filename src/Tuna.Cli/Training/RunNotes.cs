using System.Globalization;
using Tuna.Cli.Terminal;
using Tuna.Training;

namespace Tuna.Cli.Training;

/// <summary>Says what each measurement on the held-out rows showed.</summary>
internal sealed class RunNotes(StageUi ui) : ITrainingObserver
{
    public void Started(IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations)
    {
        // What an earlier process measured, it has said.
    }

    public void StepDone(TrainingStep step)
    {
        // The meter shows steps.
    }

    public void Evaluated(TrainingEvaluation evaluation) =>
        ui.Note($"after step {evaluation.Step}, held-out rows: "
            + string.Join(", ", evaluation.Evaluation.Where(v => HeldOutMetric.IsKnown(v.Key))
                .Select(v => HeldOutMetric.Text(v.Key, v.Value))));
}

/// <summary>How figures of held-out rows are written for people.</summary>
internal static class HeldOutMetric
{
    public static bool IsKnown(string name) =>
        name is HeldOutRows.Loss or HeldOutRows.Nll or HeldOutRows.PairAccuracy or HeldOutRows.Margin;

    public static string Text(string name, double value) => name switch
    {
        HeldOutRows.Loss => string.Create(CultureInfo.InvariantCulture, $"loss {value:0.####}"),
        HeldOutRows.Nll => string.Create(CultureInfo.InvariantCulture, $"NLL per token {value:0.####}"),
        HeldOutRows.PairAccuracy => string.Create(CultureInfo.InvariantCulture, $"pairs in order {value:P1}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{name} {value:0.####}"),
    };
}
