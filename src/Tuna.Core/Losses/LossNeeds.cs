namespace Tuna.Losses;

/// <summary>What a loss needs of its data. Immutable; the default needs nothing.</summary>
public sealed record LossNeeds
{
    /// <summary>Nothing beyond a group.</summary>
    public static LossNeeds Nothing { get; } = new();

    /// <summary>Whether <see cref="RankingBatch.ReferencePolicyLogProbs"/> must be given. Default false.</summary>
    public bool ReferencePolicy { get; init; }

    /// <summary>Whether <see cref="RankingBatch.OldPolicyLogProbs"/> must be given. Default false.</summary>
    public bool OldPolicy { get; init; }

    /// <summary>Whether every group must have a reference response. Default false.</summary>
    public bool ReferenceResponse { get; init; }

    /// <summary>Fewest candidates of a group, >= 0. Default 0.</summary>
    public int LeastCandidates { get; init; }

    /// <summary>Scores must lie below this; for losses that exponentiate them. Default infinity.</summary>
    public double ScoresBelow { get; init; } = double.PositiveInfinity;
}
