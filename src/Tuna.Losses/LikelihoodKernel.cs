namespace Tuna.Losses;

/// <summary>The likelihood term that losses add to a ranking term.</summary>
internal static class LikelihoodKernel
{
    /// <summary>The mean over the groups of the mean over the target rows of -z, unweighted. Its gradient times <paramref name="weight"/>
    /// is ADDED to <paramref name="gradient"/>.</summary>
    public static double Add<TValue>(in RankingBatch batch, MaximumLikelihoodTarget target, double weight, Span<double> gradient)
        where TValue : struct, IResponseValue
    {
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            (int first, int end) = Rows(batch, b, target);
            double share = 1.0 / (end - first);
            for (int r = first; r < end; r++)
            {
                total -= TValue.Of(batch, r) * share;
                gradient[r] -= weight * share * TValue.Slope(batch, r) / batch.GroupCount;
            }
        }

        return total / batch.GroupCount;
    }

    private static (int First, int End) Rows(in RankingBatch batch, int b, MaximumLikelihoodTarget target)
    {
        int first = batch.Offsets[b];
        int reference = first + batch.CandidateCounts[b];
        return target switch
        {
            MaximumLikelihoodTarget.AllResponses => (first, batch.Offsets[b + 1]),
            MaximumLikelihoodTarget.BestCandidate when reference > first => (first, first + 1),
            MaximumLikelihoodTarget.Reference when batch.HasReference(b) => (reference, reference + 1),
            MaximumLikelihoodTarget.BestCandidate => throw BatchGuard.Error(batch, b, "there is no candidate for the likelihood term."),
            _ => throw BatchGuard.Error(batch, b,
                "there is no reference response for the likelihood term; give one, or set its weight to 0 where the loss has one."),
        };
    }
}
