namespace Tuna.Losses;

/// <summary>A micro-batch as a loss sees it: B groups, R responses in all, flat and in the order of the groups.</summary>
/// <remarks>Rows <c>Offsets[b] .. Offsets[b] + CandidateCounts[b]</c> are group b's candidates, best first; one more row before
/// <c>Offsets[b + 1]</c> is its reference response.</remarks>
public readonly ref struct RankingBatch
{
    /// <summary>First row of each group and the total, [B + 1].</summary>
    public required ReadOnlySpan<int> Offsets { get; init; }

    /// <summary>Candidates of each group, [B].</summary>
    public required ReadOnlySpan<int> CandidateCounts { get; init; }

    /// <summary>The model's number for each response, [R]: of a policy the sum over the tokens of log p(token), nats; of a reward model the
    /// reward.</summary>
    public required ReadOnlySpan<double> Values { get; init; }

    /// <summary>Response lengths in tokens, end-of-sequence included, >= 1, [R].</summary>
    public required ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>The ranker's scores, higher is better; NaN in reference rows; [R].</summary>
    public required ReadOnlySpan<double> Scores { get; init; }

    /// <summary>Sum over the tokens of log p(token) under the frozen reference policy, nats, [R]; empty unless the loss needs it.</summary>
    public ReadOnlySpan<double> ReferencePolicyLogProbs { get; init; }

    /// <summary>Sum over the tokens of log p(token) under the policy that drew the candidates, nats, NaN in reference rows, [R]; empty
    /// unless the loss needs it.</summary>
    public ReadOnlySpan<double> OldPolicyLogProbs { get; init; }

    /// <summary>Number of groups, B.</summary>
    public int GroupCount => CandidateCounts.Length;

    /// <summary>Number of responses, R.</summary>
    public int ResponseCount => Values.Length;

    /// <summary>Whether group <paramref name="b"/> has a reference response.</summary>
    public bool HasReference(int b) => Offsets[b] + CandidateCounts[b] < Offsets[b + 1];
}
