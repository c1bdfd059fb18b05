namespace Tuna.Data.Groups;

/// <summary>How rows become token groups. Every rule that drops something counts it in the <see cref="TokenizationReport"/>.</summary>
public sealed record GroupTokenizerOptions
{
    /// <summary>Most tokens of a prompt with one response, [2, 2^30]. Default 512, as in the paper's released code.</summary>
    public int MaxLength { get; init; } = 512;

    /// <summary>Most tokens of a response, end-of-sequence included, >= 1; null leaves it to <see cref="MaxLength"/>. Default
    /// null.</summary>
    public int? MaxResponseLength { get; init; }

    /// <summary>A row whose prompt leaves fewer tokens than this for a response is rejected, >= 1. Default 1.</summary>
    public int MinResponseRoom { get; init; } = 1;

    /// <summary>What happens to a response that does not fit. Default <see cref="OverlongResponse.Drop"/>.</summary>
    public OverlongResponse Overlong { get; init; } = OverlongResponse.Drop;

    /// <summary>What happens to a candidate without a score. Default <see cref="MissingScore.Drop"/>.</summary>
    public MissingScore MissingScores { get; init; } = MissingScore.Drop;

    /// <summary>What happens to a candidate whose tokens equal a better one's. Default <see cref="DuplicateCandidate.Keep"/>.</summary>
    public DuplicateCandidate Duplicates { get; init; } = DuplicateCandidate.Keep;

    /// <summary>Where the reference response of a group comes from. Default <see cref="ReferenceSource.Given"/>.</summary>
    public ReferenceSource Reference { get; init; } = ReferenceSource.Given;

    /// <summary>A ranked row with fewer candidates than this after all rules is rejected, >= 1. Default 1.</summary>
    public int MinCandidates { get; init; } = 1;

    /// <summary>Whether the row's log-probabilities go along as those of the policy that drew the candidates
    /// (<see cref="Policies.TokenGroup.OldPolicyLogProbs"/>). A candidate without one, or with one that was summed over another number of
    /// tokens than it has here, is left out: it would be compared with something else. Default false.</summary>
    public bool OldPolicy { get; init; }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxLength, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxLength, 1 << 30);
        if (MaxResponseLength is { } most)
            ArgumentOutOfRangeException.ThrowIfLessThan(most, 1, nameof(MaxResponseLength));
        ArgumentOutOfRangeException.ThrowIfLessThan(MinResponseRoom, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinCandidates, 1);
    }
}

/// <summary>What happens to a response that does not fit into the budget.</summary>
public enum OverlongResponse
{
    /// <summary>The response is left out.</summary>
    Drop,

    /// <summary>Its first tokens are kept, WITHOUT an end-of-sequence token: the model is not taught to stop in the middle.</summary>
    Truncate,

    /// <summary>The whole row is rejected.</summary>
    RejectRow,
}

/// <summary>What happens to a candidate without a score.</summary>
public enum MissingScore
{
    /// <summary>The candidate is left out: nobody said how good it is.</summary>
    Drop,

    /// <summary>It counts as worst, in a tie with the worst score of the row, so that it teaches nothing against that one.</summary>
    TieWithWorst,

    /// <summary>The whole row is rejected.</summary>
    RejectRow,
}

/// <summary>What happens to a candidate whose tokens equal those of a better one.</summary>
public enum DuplicateCandidate
{
    /// <summary>Both stay.</summary>
    Keep,

    /// <summary>The better-ranked one stays.</summary>
    Drop,
}

/// <summary>Where the reference response of a group comes from.</summary>
public enum ReferenceSource
{
    /// <summary>The row's own reference; a row without one gives a group without one.</summary>
    Given,

    /// <summary>The row's own reference, or else (there is none, or it does not fit) its best candidate.</summary>
    GivenOrBest,

    /// <summary>None, whatever the row says.</summary>
    None,

    /// <summary>The row's own reference; a row without one, or whose own does not fit, is rejected: for objectives with a likelihood
    /// term.</summary>
    Required,
}
