namespace Tuna.Losses;

/// <summary>The number z by which a family of losses compares responses, as a function of a response's summed log-probability.</summary>
/// <remarks>Implemented by empty structs so that kernels over it are compiled once per value, without indirect calls.</remarks>
internal interface IResponseValue
{
    /// <summary>z of a row.</summary>
    static abstract double Of(in RankingBatch batch, int row);

    /// <summary>dz / d(summed log-probability) of a row.</summary>
    static abstract double Slope(in RankingBatch batch, int row);
}

/// <summary>z = log p(y) / |y|: nats per token.</summary>
internal readonly struct MeanLogProb : IResponseValue
{
    public static double Of(in RankingBatch batch, int row) => batch.Values[row] / batch.Lengths[row];

    public static double Slope(in RankingBatch batch, int row) => 1.0 / batch.Lengths[row];
}

/// <summary>z = log p(y): the sum over the tokens, or the number that a reward model gives.</summary>
internal readonly struct RawValue : IResponseValue
{
    public static double Of(in RankingBatch batch, int row) => batch.Values[row];

    public static double Slope(in RankingBatch batch, int row) => 1;
}

/// <summary>z = log p(y) - log p_ref(y): DPO's implicit reward divided by beta.</summary>
internal readonly struct LogRatio : IResponseValue
{
    public static double Of(in RankingBatch batch, int row) => batch.Values[row] - batch.ReferencePolicyLogProbs[row];

    public static double Slope(in RankingBatch batch, int row) => 1;
}

/// <summary>z = log(p / (1 - p)) with p = exp(log p(y) / |y|): ORPO's log odds.</summary>
internal readonly struct LogOdds : IResponseValue
{
    /// <summary>Mean log-probabilities are cut here, an ulp of 1 below certainty, where the log odds (36.8) and their slope would be
    /// infinite.</summary>
    private const double Certain = -1.1102230246251565e-16;

    public static double Of(in RankingBatch batch, int row)
    {
        double p = Mean(batch, row);
        return p - StableMath.Log1MExp(p);
    }

    public static double Slope(in RankingBatch batch, int row) => -1 / (StableMath.ExpM1(Mean(batch, row)) * batch.Lengths[row]);

    private static double Mean(in RankingBatch batch, int row) => Math.Min(MeanLogProb.Of(batch, row), Certain);
}
