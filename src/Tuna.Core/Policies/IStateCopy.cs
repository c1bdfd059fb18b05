namespace Tuna.Policies;

/// <summary>A model and its training state as they were at one moment, in memory: what a checkpoint is written from while training goes
/// on.</summary>
/// <remarks>Independent of the model it is of; used by one thread at a time, which may be another one.</remarks>
public interface IStateCopy : IDisposable
{
    /// <summary>Writes the bytes that <see cref="ITrainableScorer.SaveModel"/> and <see cref="ITrainableScorer.SaveTrainingState"/> would
    /// have written then, into an existing empty folder.</summary>
    void Save(string folder);
}
