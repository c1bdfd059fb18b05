namespace Tuna.Losses;

/// <summary>Which responses a likelihood term is over.</summary>
public enum MaximumLikelihoodTarget
{
    /// <summary>The reference response: instruction tuning on the original data ("Alpaca" in the paper). Every group must have
    /// one.</summary>
    Reference,

    /// <summary>The first candidate. Every group must have one.</summary>
    BestCandidate,

    /// <summary>All rows of the group alike, the reference response included when there is one ("Alpaca-Mul" in the paper).</summary>
    AllResponses,
}
