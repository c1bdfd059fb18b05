namespace Tuna.Losses.Tests;

public class StableMathTests
{
    [Theory]
    [InlineData(1e-20)]
    [InlineData(-1e-20)]
    [InlineData(1e-9)]
    [InlineData(-1e-5)]
    public void Log1P_And_ExpM1_SmallArguments_FollowTheirSeries(double x)
    {
        Assert.Equal(1, StableMath.Log1P(x) / (x - (x * x / 2) + (x * x * x / 3)), 1e-14);
        Assert.Equal(1, StableMath.ExpM1(x) / (x + (x * x / 2) + (x * x * x / 6)), 1e-14);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(-0.5)]
    [InlineData(-3)]
    [InlineData(20)]
    public void ExpM1_Log1P_AreInverse(double x) => Near.Equal(x, StableMath.Log1P(StableMath.ExpM1(x)), 1e-14, "log1p(expm1(x))");

    [Fact]
    public void Limits_AreThoseOfTheFunctions()
    {
        Assert.Equal(double.PositiveInfinity, StableMath.ExpM1(800));
        Assert.Equal(-1, StableMath.ExpM1(-800));
        Assert.Equal(1000, StableMath.Softplus(1000));
        Assert.Equal(0, StableMath.Softplus(-1000));
        Assert.Equal(-3, StableMath.LogAddExp(double.NegativeInfinity, -3));
        Assert.Equal(1000 + Math.Log(2), StableMath.LogAddExp(1000, 1000), 1e-12);
        Assert.True(double.IsNaN(StableMath.Softplus(double.NaN)) && double.IsNaN(StableMath.Softplus(double.NaN, out _))
            && double.IsNaN(StableMath.LogAddExp(0, double.NaN)));
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(800, 1)]
    [InlineData(-800, 0)]
    [InlineData(-40, 4.248354255291589e-18)] // exp(-40), to all its digits
    public void Softplus_WithSlope_AgreesAndKeepsTheTail(double x, double expected)
    {
        double value = StableMath.Softplus(x, out double slope);

        Assert.Equal(StableMath.Softplus(x), value);
        Near.Equal(1, expected == 0 ? slope + 1 : slope / expected, 1e-14, "slope");
    }

    [Theory]
    [InlineData(-1e-12, -27.631021115929047)] // log(1e-12 (1 - 5e-13))
    [InlineData(-0.6931471805599453, -0.6931471805599453)]
    [InlineData(-40, -4.248354255291589e-18)] // -exp(-40)
    public void Log1MExp_BothBranches_KeepTheirDigits(double p, double expected) =>
        Assert.Equal(1, StableMath.Log1MExp(p) / expected, 1e-13);
}
