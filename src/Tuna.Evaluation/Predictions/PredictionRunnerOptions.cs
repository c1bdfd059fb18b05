namespace Tuna.Evaluation.Predictions;

/// <summary>How predictions are made.</summary>
public sealed record PredictionRunnerOptions
{
    /// <summary>Prompts sampled together, at least 1: what an interruption can lose. Default 16.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Softmax temperature, at least 0; 0 is greedy. Default 0.</summary>
    public double Temperature { get; init; }

    /// <summary>Seed of the sampling; each prompt draws from a stream of its own. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Names the model; a resumed run checks that the predictions it finds are this model's. Default "".</summary>
    public string ModelName { get; init; } = "";

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1);
        if (!(Temperature >= 0 && double.IsFinite(Temperature)))
            throw new ArgumentOutOfRangeException(nameof(Temperature), Temperature, "A temperature is finite and at least 0.");
        ArgumentNullException.ThrowIfNull(ModelName);
    }
}

/// <summary>How far a run is.</summary>
/// <param name="Done">Prompts that have a prediction, those of earlier runs included.</param>
/// <param name="Total">All prompts.</param>
public readonly record struct PredictionProgress(int Done, int Total);
