namespace Tuna.Losses;

/// <summary>The number z by which a pairwise loss compares two responses.</summary>
public enum ResponseMeasure
{
    /// <summary>z = log p(y) / |y|: nats per token.</summary>
    MeanLogProb,

    /// <summary>z = the model's number as it is: log p(y), the sum over the tokens, of a policy; the reward of a reward model.</summary>
    Value,

    /// <summary>z = log p(y) - log p_ref(y): nats over the frozen reference policy.</summary>
    LogRatio,

    /// <summary>z = log(p / (1 - p)) with p = exp(log p(y) / |y|): log odds.</summary>
    LogOdds,
}

/// <summary>Base of a loss of one's own over pairs of candidates: write what one pair costs, and the rest is here.</summary>
/// <remarks>
/// <code>
/// L = mean over groups of mean over pairs of f(z(preferred) - z(other))
/// </code>
/// <para>
/// The pairs are those of <see cref="PairSelection"/> with different scores; a group without one adds 0. <see cref="PairLoss"/> is f and
/// its derivative; the base turns it into the gradient
/// of every response. A pair whose derivative is exactly zero costs no backward work.
/// </para>
/// </remarks>
public abstract class PairwiseLoss : IRankingLoss
{
    /// <summary>Says what is compared.</summary>
    /// <param name="measure">The number by which responses are compared.</param>
    /// <param name="pairs">Which pairs are compared.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value has no name.</exception>
    protected PairwiseLoss(ResponseMeasure measure, PairSelection pairs = PairSelection.AllPairs)
    {
        Measure = Setting.Defined(measure);
        Pairs = Setting.Defined(pairs);
        Needs = measure == ResponseMeasure.LogRatio ? new() { ReferencePolicy = true } : LossNeeds.Nothing;
    }

    /// <summary>The number by which responses are compared.</summary>
    public ResponseMeasure Measure { get; }

    /// <summary>Which pairs are compared.</summary>
    public PairSelection Pairs { get; }

    /// <inheritdoc/>
    public LossNeeds Needs { get; }

    /// <inheritdoc/>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, Needs.ReferencePolicy);
        var term = new Term(this);
        return Measure switch
        {
            ResponseMeasure.MeanLogProb => PairKernel.Evaluate<MeanLogProb, Term>(batch, Pairs, term, gradient),
            ResponseMeasure.LogRatio => PairKernel.Evaluate<LogRatio, Term>(batch, Pairs, term, gradient),
            ResponseMeasure.LogOdds => PairKernel.Evaluate<LogOdds, Term>(batch, Pairs, term, gradient),
            _ => PairKernel.Evaluate<RawValue, Term>(batch, Pairs, term, gradient),
        };
    }

    /// <summary>The loss's name and settings, <see cref="Measure"/> and <see cref="Pairs"/> included.</summary>
    public abstract LossDescription Describe();

    /// <summary>What one pair costs.</summary>
    /// <param name="difference">h = z(preferred) - z(other).</param>
    /// <param name="slope">Receives df/dh; exactly zero where the pair is satisfied.</param>
    /// <returns>f(h).</returns>
    protected abstract double PairLoss(double difference, out double slope);

    private readonly struct Term(PairwiseLoss loss) : IPairTerm
    {
        public double Evaluate(double h, out double slope) => loss.PairLoss(h, out slope);
    }
}
