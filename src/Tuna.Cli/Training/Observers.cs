using Tuna.Training;

namespace Tuna.Cli.Training;

/// <summary>Tells several of a run.</summary>
internal sealed class Observers(IReadOnlyList<ITrainingObserver> all) : ITrainingObserver
{
    public void Started(IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations)
    {
        foreach (ITrainingObserver observer in all)
            observer.Started(steps, evaluations);
    }

    public void StepDone(TrainingStep step)
    {
        foreach (ITrainingObserver observer in all)
            observer.StepDone(step);
    }

    public void Evaluated(TrainingEvaluation evaluation)
    {
        foreach (ITrainingObserver observer in all)
            observer.Evaluated(evaluation);
    }
}
