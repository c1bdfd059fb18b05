namespace Tuna.Losses.Tests;

/// <summary>A loss as somebody else would write it: -log sigmoid(scale h - margin).</summary>
internal sealed class OwnLoss(ResponseMeasure measure, PairSelection pairs, double scale, double margin) : PairwiseLoss(measure, pairs)
{
    public override LossDescription Describe() =>
        new(nameof(OwnLoss), ("Measure", Measure), ("Pairs", Pairs), ("Scale", scale), ("Margin", margin));

    protected override double PairLoss(double difference, out double slope)
    {
        double x = (scale * difference) - margin;
        slope = -scale / (1 + Math.Exp(x));
        return double.IsNaN(x) ? x : Math.Max(-x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
    }
}
