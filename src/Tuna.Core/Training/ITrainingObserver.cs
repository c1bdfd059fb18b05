namespace Tuna.Training;

/// <summary>Follows a run as it goes on, for instance into a file that is watched.</summary>
/// <remarks>Called on the training thread, which waits; what it throws ends the run as any fault does, and the run can be resumed. Each
/// process of a group calls its own.</remarks>
public interface ITrainingObserver
{
    /// <summary>The run begins, or goes on from a checkpoint.</summary>
    /// <param name="steps">Steps that belong to the run so far; whatever was said of later ones is undone.</param>
    /// <param name="evaluations">Evaluations that belong to the run so far.</param>
    void Started(IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations);

    /// <summary>A step is done.</summary>
    void StepDone(TrainingStep step);

    /// <summary>An evaluation is done.</summary>
    void Evaluated(TrainingEvaluation evaluation);
}
