using Tuna.Rankers.Calls;

namespace Tuna.Rankers.Batch;

/// <summary>Settings of a <see cref="RankingRunner"/>.</summary>
public sealed class RankingRunnerOptions
{
    /// <summary>Rows ranked at once, at least 1. Default 32.</summary>
    public int MaxParallelRows { get; set; } = 32;

    /// <summary>Whether outcomes come in the order of the rows; otherwise as they are ready. Default true.</summary>
    public bool InOrder { get; set; } = true;

    /// <summary>After so many rows in a row that the service failed (<see cref="Ranking.RankingFailure.ServiceError"/>) it is taken to be down, and the rest is not tried; null never stops. At least 1. Default 64.</summary>
    public int? MaxServiceErrorsInARow { get; set; } = 64;

    /// <summary>Rows in all, for the estimates; null when unknown.</summary>
    public long? TotalRows { get; set; }

    /// <summary>The budget that the ranker's client draws on, so that progress shows what was really spent; null shows the rows' sum.</summary>
    public CallBudget? Budget { get; set; }

    /// <summary>Shortest time between two progress reports; the last is always made. Default 200 ms.</summary>
    public TimeSpan ProgressInterval { get; set; } = TimeSpan.FromMilliseconds(200);

    internal void Validate()
    {
        if (MaxParallelRows < 1)
            throw new ArgumentException($"{nameof(MaxParallelRows)} is {MaxParallelRows}; it is at least 1.");
        if (MaxServiceErrorsInARow is < 1)
            throw new ArgumentException($"{nameof(MaxServiceErrorsInARow)} is {MaxServiceErrorsInARow}; it is at least 1.");
        if (TotalRows is < 0)
            throw new ArgumentException($"{nameof(TotalRows)} is {TotalRows}; it is at least 0.");
        if (ProgressInterval < TimeSpan.Zero)
            throw new ArgumentException($"{nameof(ProgressInterval)} is {ProgressInterval}; it is at least 0.");
    }
}
