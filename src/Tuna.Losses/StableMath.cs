namespace Tuna.Losses;

/// <summary>Functions of exponentials that neither overflow nor cancel. NaN goes in and comes out.</summary>
internal static class StableMath
{
    /// <summary>Where <see cref="CappedExp"/> turns into a straight line.</summary>
    private const double Cap = 20;

    /// <summary>log(1 + x) for x > -1, to a few ulps also near 0 (Kahan: the rounding of 1 + x cancels in the quotient).</summary>
    public static double Log1P(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : double.IsInfinity(u) ? u : Math.Log(u) * x / (u - 1);
    }

    /// <summary>exp(x) - 1, to a few ulps also near 0 (Kahan).</summary>
    public static double ExpM1(double x)
    {
        double u = Math.Exp(x);
        if (u == 1)
            return x;
        double um1 = u - 1;
        return um1 == -1 || double.IsInfinity(u) ? um1 : um1 * x / Math.Log(u);
    }

    /// <summary>exp(x) and its slope up to x = 20; from there the tangent, which no x makes infinite.</summary>
    public static double CappedExp(double x, out double slope)
    {
        slope = Math.Exp(Math.Min(x, Cap));
        return x > Cap ? slope * (1 + (x - Cap)) : slope;
    }

    /// <summary><see cref="CappedExp"/> - 1, to a few ulps also near 0, and the slope - 1 of its difference to x.</summary>
    public static double CappedExpM1(double x, out double slope)
    {
        slope = ExpM1(Math.Min(x, Cap));
        return x > Cap ? slope + ((slope + 1) * (x - Cap)) : slope;
    }

    /// <summary>log(1 + exp(x)).</summary>
    public static double Softplus(double x) => x > 0 ? x + Log1P(Math.Exp(-x)) : Log1P(Math.Exp(x));

    /// <summary>log(1 + exp(x)) and its slope 1 / (1 + exp(-x)), with relative accuracy in both tails, from one exponential.</summary>
    public static double Softplus(double x, out double slope)
    {
        double e = Math.Exp(-Math.Abs(x));
        slope = (x < 0 ? e : 1) / (1 + e);
        return Math.Max(x, 0) + Log1P(e);
    }

    /// <summary>log(1 - exp(p)) for p &lt; 0 (Maechler's switch at -log 2).</summary>
    public static double Log1MExp(double p) => p > -0.6931471805599453 ? Math.Log(-ExpM1(p)) : Log1P(-Math.Exp(p));

    /// <summary>log(exp(a) + exp(b)); -infinity is the neutral element.</summary>
    public static double LogAddExp(double a, double b)
    {
        double max = a > b ? a : b;
        double min = a > b ? b : a;
        return double.IsNegativeInfinity(min) ? max : max + Log1P(Math.Exp(min - max));
    }
}
