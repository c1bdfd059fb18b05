namespace Tuna.Training;

/// <summary>A loss, a log-probability or a gradient was NaN or infinite. The weights are those of the last finished step.</summary>
public sealed class NonFiniteTrainingException : Exception
{
    internal NonFiniteTrainingException(long step, IReadOnlyList<string> groupIds, string what)
        : base($"Step {step}: {what}. The weights stay at step {step - 1}. Look at these groups and at the learning rate, or set "
            + $"{nameof(TrainerOptions.OnNonFinite)} to {nameof(NonFiniteAction.SkipStep)}.")
    {
        Step = step;
        GroupIds = groupIds;
        What = what;
    }

    /// <summary>The step that failed, 1-based.</summary>
    public long Step { get; }

    /// <summary>Ids of the groups concerned.</summary>
    public IReadOnlyList<string> GroupIds { get; }

    /// <summary>What was found, in words.</summary>
    public string What { get; }
}
