using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Evaluation.Measures;

/// <summary>The negative log-likelihood of held-out responses, by which the paper's Appendix A chooses beta.</summary>
/// <param name="Responses">Number of responses.</param>
/// <param name="Tokens">Their tokens, the end tokens included.</param>
/// <param name="Sum">Sum over all tokens of -log p(token), nats.</param>
/// <param name="PerResponse">Mean over responses of -(1/|r|) log p(r | i), nats per token: the paper's Eq. 2 averaged over the
/// data.</param>
public sealed record HeldOutNll(int Responses, long Tokens, double Sum, double PerResponse)
{
    /// <summary>Nats per token over all tokens, in which long responses weigh more.</summary>
    public double PerToken => Sum / Tokens;

    /// <summary>exp of <see cref="PerToken"/>.</summary>
    public double Perplexity => Math.Exp(PerToken);

    /// <summary>Scores the reference response of each group.</summary>
    /// <param name="policy">The model.</param>
    /// <param name="groups">Groups with a reference response; candidates are not looked at.</param>
    /// <param name="batchSize">Groups scored together, at least 1.</param>
    /// <param name="cancellationToken">Stops between groups.</param>
    /// <exception cref="ArgumentException">There is no group, or one has no reference response.</exception>
    public static HeldOutNll Of(IPolicyModel policy, IEnumerable<TokenGroup> groups, int batchSize = 8,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        TokenGroup[] alone = [.. groups.Select(ReferenceAlone)];
        return Of(alone, ReferenceLogProbs.Score(policy, alone, batchSize, cancellationToken));
    }

    /// <summary>Sums up what a model said of the reference response of each group: what <see cref="ReferenceLogProbs.GetOrScore"/> kept,
    /// for instance.</summary>
    /// <param name="groups">Groups with a reference response, and best without candidates, which would be scored for nothing.</param>
    /// <param name="logProbs">The log-probabilities of their responses, the reference last, group by group.</param>
    /// <exception cref="ArgumentException">There is no group, one has no reference response, or the numbers of groups differ.</exception>
    public static HeldOutNll Of(IReadOnlyList<TokenGroup> groups, ReferenceLogProbs logProbs)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(logProbs);
        if (groups.Count == 0)
            throw new ArgumentException("There is no held-out response.", nameof(groups));
        if (logProbs.Count != groups.Count)
            throw new ArgumentException($"There are {groups.Count} groups and log-probabilities of {logProbs.Count}.", nameof(logProbs));
        long tokens = 0;
        double sum = 0, means = 0;
        for (int g = 0; g < groups.Count; g++)
        {
            RequireReference(groups[g]);
            int length = groups[g].Responses[^1].Length;
            tokens += length;
            sum -= logProbs[g][^1];
            means -= logProbs[g][^1] / length;
        }

        return new HeldOutNll(groups.Count, tokens, sum, means / groups.Count);
    }

    private static TokenGroup ReferenceAlone(TokenGroup group)
    {
        RequireReference(group);
        return new TokenGroup(group.Id, group.Prompt, [], default, group.Responses[^1]);
    }

    private static void RequireReference(TokenGroup group)
    {
        if (!group.HasReference)
            throw new ArgumentException($"Group '{group.Id}' has no reference response.", nameof(group));
    }
}

/// <summary>The choice of the length penalty beta (Appendix A): of models trained with different beta, the one that finds the held-out
/// expert responses likeliest.</summary>
public static class BetaChoice
{
    /// <summary>The beta with the lowest <see cref="HeldOutNll.PerResponse"/>; the smaller of equals.</summary>
    /// <exception cref="ArgumentException">There is none, or they are not over the same responses.</exception>
    public static double Best(IReadOnlyDictionary<double, HeldOutNll> byBeta)
    {
        ArgumentNullException.ThrowIfNull(byBeta);
        if (byBeta.Count == 0)
            throw new ArgumentException("There is no beta to choose from.", nameof(byBeta));
        if (byBeta.Values.DistinctBy(nll => (nll.Responses, nll.Tokens)).Count() > 1)
            throw new ArgumentException("The figures are over different responses; held-out data must be the same for every beta.",
                nameof(byBeta));
        return byBeta.OrderBy(entry => entry.Value.PerResponse).ThenBy(entry => entry.Key).First().Key;
    }
}
