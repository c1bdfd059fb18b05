using Tuna.Chat.Limits;


namespace Tuna.Rankers.Batch;

/// <summary>Settings of a <see cref="RankingRunner"/>.</summary>
public sealed record RankingRunnerOptions
{
    /// <summary>Rows ranked at once, at least 1. Default 32.</summary>
    public int MaxParallelRows { get; init; } = 32;

    /// <summary>Whether outcomes come in the order of the rows; otherwise as they are ready. Default true.</summary>
    public bool InOrder { get; init; } = true;

    /// <summary>After so many rows in a row that the service failed (<see cref="Ranking.RankingFailure.ServiceError"/>) it is taken to be
    /// down, and the rest is not tried; null never stops. At least 1. Default 64.</summary>
    public int? MaxServiceErrorsInARow { get; init; } = 64;

    /// <summary>Rows in all, for the estimates; null when unknown.</summary>
    public long? TotalRows { get; init; }

    /// <summary>The budget that the ranker's client draws on, so that progress shows what was really spent; null shows the rows'
    /// sum.</summary>
    public CallBudget? Budget { get; init; }

    /// <summary>Shortest time between two progress reports; the last is always made. Default 200 ms.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing or outside its range; the message says which.</exception>
    public void Validate()
    {
        if (MaxParallelRows < 1)
            throw new ArgumentOutOfRangeException(nameof(MaxParallelRows), MaxParallelRows, "It is at least 1.");
        if (MaxServiceErrorsInARow is < 1)
            throw new ArgumentOutOfRangeException(nameof(MaxServiceErrorsInARow), MaxServiceErrorsInARow, "It is at least 1.");
        if (TotalRows is < 0)
            throw new ArgumentOutOfRangeException(nameof(TotalRows), TotalRows, "It is at least 0.");
        if (ProgressInterval < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(ProgressInterval), ProgressInterval, "It is at least 0.");
    }
}
