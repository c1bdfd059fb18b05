namespace Tuna.Losses;

/// <summary>The checks that every loss makes at its entry, so that kernels can trust the batch.</summary>
internal static class BatchGuard
{
    /// <summary>Checks shapes, row layout, lengths and candidate scores.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="gradient">The caller's gradient span.</param>
    /// <param name="needsReferencePolicy">Whether the reference policy's log-probabilities must be there.</param>
    /// <param name="bestFirst">Whether the loss reads the candidates' order, so that their scores must not increase.</param>
    /// <param name="needsOldPolicy">Whether the log-probabilities of the policy that drew the candidates must be there.</param>
    public static void Check(in RankingBatch batch, ReadOnlySpan<double> gradient, bool needsReferencePolicy = false, bool bestFirst = true,
        bool needsOldPolicy = false)
    {
        int groups = batch.GroupCount;
        int responses = batch.ResponseCount;
        if (groups == 0)
            throw new ArgumentException("The batch has no groups.", nameof(batch));
        if (batch.Offsets.Length != groups + 1)
            throw new ArgumentException($"Offsets has {batch.Offsets.Length} entries; {groups} groups need {groups + 1}.", nameof(batch));
        if (batch.Offsets[0] != 0 || batch.Offsets[groups] != responses)
            throw new ArgumentException(
                $"Offsets runs from {batch.Offsets[0]} to {batch.Offsets[groups]}; it must run from 0 to the {responses} responses.",
                nameof(batch));
        if (batch.Lengths.Length != responses)
            throw new ArgumentException($"Lengths has {batch.Lengths.Length} entries for {responses} responses.", nameof(batch));
        if (batch.Scores.Length != responses)
            throw new ArgumentException($"Scores has {batch.Scores.Length} entries for {responses} responses.", nameof(batch));
        if (gradient.Length != responses)
            throw new ArgumentException($"The gradient has {gradient.Length} entries for {responses} responses.", nameof(gradient));
        if (needsReferencePolicy && batch.ReferencePolicyLogProbs.Length != responses)
            throw new ArgumentException(
                $"This loss needs the reference policy's log-probabilities: {batch.ReferencePolicyLogProbs.Length} given for {responses} "
                + $"responses.", nameof(batch));
        if (needsOldPolicy && batch.OldPolicyLogProbs.Length != responses)
            throw new ArgumentException(
                $"This loss needs the log-probabilities of the policy that drew the candidates: {batch.OldPolicyLogProbs.Length} given for "
                + $"{responses} responses.", nameof(batch));

        for (int b = 0; b < groups; b++)
            CheckGroup(batch, b, bestFirst);
    }

    /// <summary>The error for a group that a loss cannot evaluate.</summary>
    public static ArgumentException Error(in RankingBatch batch, int group, string why) => new($"Group {group}: {why}", nameof(batch));

    private static void CheckGroup(in RankingBatch batch, int b, bool bestFirst)
    {
        int first = batch.Offsets[b];
        int rows = batch.Offsets[b + 1] - first;
        int candidates = batch.CandidateCounts[b];
        if (candidates < 0 || rows < 1 || rows - candidates is < 0 or > 1)
            throw new ArgumentException(
                $"Group {b}: {rows} rows for {candidates} candidates; there is one row per candidate, at most one more for the reference "
                + $"response, and at least one in all.", nameof(batch));
        for (int r = first; r < first + rows; r++)
        {
            if (batch.Lengths[r] < 1)
                throw new ArgumentException($"Group {b}: response {r - first} has {batch.Lengths[r]} tokens; a response has at least one.",
                    nameof(batch));
        }

        for (int r = first; r < first + candidates; r++)
        {
            if (!double.IsFinite(batch.Scores[r]))
                throw new ArgumentException($"Group {b}: the score of candidate {r - first} is {batch.Scores[r]}; scores are finite.",
                    nameof(batch));
            if (bestFirst && r > first && batch.Scores[r] > batch.Scores[r - 1])
                throw new ArgumentException(
                    $"Group {b}: candidate {r - first} scores higher than candidate {r - first - 1}; candidates come best first.",
                    nameof(batch));
        }
    }
}
