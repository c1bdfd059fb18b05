namespace Tuna.Benchmarks.Losses;

/// <summary>The pieces of the plain implementations: a response's number and its slope, a pair's loss and its slope, straight from the
/// papers.</summary>
internal static class PlainTerms
{
    public static double Softplus(double x) => x > 0 ? x + Math.Log(1 + Math.Exp(-x)) : Math.Log(1 + Math.Exp(x));

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double LogOdds(Group g, int k) => g.Mean(k) - Math.Log(1 - Math.Exp(g.Mean(k)));

    public static double LogOddsSlope(Group g, int k) => 1 / ((1 - Math.Exp(g.Mean(k))) * g.Lengths[k]);

    public static (double Loss, double Slope) Logistic(double h, double scale, double offset) =>
        (Softplus(offset - (scale * h)), -scale * Sigmoid(offset - (scale * h)));

    public static (double Loss, double Slope) Hinge(double h, double scale, double margin) =>
        margin - (scale * h) > 0 ? (margin - (scale * h), -scale) : (0, 0);

    public static (double Loss, double Slope) Square(double h, double target) => ((h - target) * (h - target), 2 * (h - target));
}

/// <summary>A loss written plainly: value and gradients of a batch.</summary>
internal delegate (double Value, double[][] Gradient) PlainLoss(Group[] groups);
