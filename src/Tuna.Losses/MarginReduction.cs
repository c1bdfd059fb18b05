namespace Tuna.Losses;

/// <summary>How <see cref="MarginRankingLoss"/> reduces its pairs and what its likelihood term is over.</summary>
public enum MarginReduction
{
    /// <summary>
    /// As the paper prints it: within a group the sum over all pairs j &lt; k, pairs of equal score skipped, plus lambda times the mean
    /// token
    /// negative log-likelihood of the reference response; then the mean over the groups.
    /// </summary>
    Paper,

    /// <summary>
    /// As the authors' released code computes it: for each rank distance d the mean over all pairs of the batch at that distance, summed
    /// over d,
    /// tied or not; plus lambda times the token mean of the negative log-likelihood over all candidates of the batch. The reference
    /// response is unused.
    /// </summary>
    Released,
}
