namespace Tuna.Policies;

/// <summary>A scorer whose parameters can be trained from the gradient of its responses' numbers: a policy or a reward model.</summary>
/// <remarks>Used by one thread at a time. Gradients accumulate over passes until <see cref="ApplyGradients"/>, which consumes
/// them.</remarks>
public interface ITrainableScorer : IResponseScorer
{
    /// <summary>Computes a micro-batch and keeps what backward needs. One pass may be open at a time; dispose it before the next.</summary>
    /// <param name="groups">The micro-batch, at least one group.</param>
    /// <param name="cancellationToken">Stops between groups or layers; nothing is accumulated then.</param>
    /// <returns>The pass, which holds the numbers of all responses.</returns>
    /// <exception cref="ArgumentException">There is no group; otherwise as for <see cref="IResponseScorer.Score"/>.</exception>
    IForwardPass Forward(IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken = default);

    /// <summary>Global L2 norm of the accumulated gradients.</summary>
    double GradientNorm();

    /// <summary>Takes one AdamW step with the accumulated gradients, then clears them.</summary>
    /// <exception cref="NonFiniteStepException">The gradient is not finite, or weights or moments would not be; they are as they were, and
    /// the gradients are still there.</exception>
    void ApplyGradients(in AdamWStep step);

    /// <summary>Clears the accumulated gradients without a step (after a NaN, or when a step is abandoned).</summary>
    void ClearGradients();

    /// <summary>Writes the model alone, in the Hugging Face layout (config.json, *.safetensors), into an existing empty folder.</summary>
    void SaveModel(string folder);

    /// <summary>
    /// Writes all that training needs besides the model's files for a bit-exact continuation (full-precision weights where the model's
    /// files
    /// round them, AdamW moments, accumulated gradients, engine randomness) into the same folder, as files of the engine's own naming.
    /// </summary>
    void SaveTrainingState(string folder);

    /// <summary>Copies what <see cref="SaveModel"/> and <see cref="SaveTrainingState"/> would write, so that it can be written while
    /// training goes on.</summary>
    /// <returns>The copy, the caller's to dispose; null where the engine makes none, or memory has no room for it.</returns>
    IStateCopy? CopyState() => null;

    /// <summary>Restores what <see cref="SaveModel"/> and <see cref="SaveTrainingState"/> wrote, to the same bits.</summary>
    /// <exception cref="InvalidDataException">A file is missing, damaged or of another model.</exception>
    void LoadTrainingState(string folder);
}
