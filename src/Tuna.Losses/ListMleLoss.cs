namespace Tuna.Losses;

/// <summary>ListMLE: the negative log-likelihood of the given order under the Plackett-Luce model.</summary>
/// <remarks>
/// <para>Xia et al., <i>Listwise Approach to Learning to Rank: Theory and Algorithm</i>, ICML 2008; Plackett (1975), Luce (1959):</para>
/// <code>
/// L = -sum over k of ( s_k - log sum over i >= k of exp(s_i) ),   candidates best first
/// </code>
/// <para>
/// What s is has a name each: <see cref="OnMeanLogProbs"/>, <see cref="OnLogRatios"/>, <see cref="OnRawValues"/>. The sum over a group's
/// positions, then
/// the mean over the groups. Candidates of equal score keep the order they come in. A group with fewer than two candidates adds 0.
/// The loss does not change when a constant is added to a group's s. It takes time linear in the number of candidates.
/// </para>
/// </remarks>
public sealed class ListMleLoss : IRankingLoss
{
    private readonly Scoring _scoring;

    private ListMleLoss(Scoring scoring, double scale) => (_scoring, Scale) = (scoring, scale);

    private enum Scoring
    {
        MeanLogProb,
        LogRatio,
        RawValue,
    }

    /// <summary>Factor on the scores: beta for <see cref="OnLogRatios"/>, otherwise 1.</summary>
    public double Scale { get; }

    /// <inheritdoc/>
    public LossNeeds Needs => _scoring == Scoring.LogRatio ? new() { ReferencePolicy = true } : LossNeeds.Nothing;

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(ListMleLoss), ("Scoring", _scoring), ("Scale", Scale));

    /// <summary>s = log p(y) / |y|, nats per token.</summary>
    public static ListMleLoss OnMeanLogProbs() => new(Scoring.MeanLogProb, 1);

    /// <summary>
    /// s = beta (log p(y) - log p_ref(y)), sums over the tokens: the Plackett-Luce form of DPO (Rafailov et al., arXiv 2305.18290,
    /// appendix;
    /// the list MLE loss of arXiv 2402.01878). Two candidates give <see cref="DpoLoss"/>.
    /// </summary>
    /// <param name="beta">Strength of the pull to the reference policy, > 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is outside its range.</exception>
    public static ListMleLoss OnLogRatios(double beta = 0.1) => new(Scoring.LogRatio, Setting.Positive(beta));

    /// <summary>s = the batch's numbers as they are: the rewards of a reward model, without division by lengths.</summary>
    public static ListMleLoss OnRawValues() => new(Scoring.RawValue, 1);

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, needsReferencePolicy: _scoring == Scoring.LogRatio);
        return _scoring switch
        {
            Scoring.MeanLogProb => PlackettLuceKernel.Evaluate<MeanLogProb>(batch, Scale, gradient),
            Scoring.LogRatio => PlackettLuceKernel.Evaluate<LogRatio>(batch, Scale, gradient),
            _ => PlackettLuceKernel.Evaluate<RawValue>(batch, Scale, gradient),
        };
    }
}
