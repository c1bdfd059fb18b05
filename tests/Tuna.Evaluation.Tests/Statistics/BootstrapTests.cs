using Tuna.Evaluation.Statistics;

namespace Tuna.Evaluation.Tests.Statistics;

public class BootstrapTests
{
    [Fact]
    public void MeanInterval_Constant_HasNoWidth() =>
        Assert.Equal(new BootstrapInterval(0.5, 0.5, 0.5, 0.95), Bootstrap.MeanInterval([0.5, 0.5, 0.5]));

    [Fact]
    public void MeanInterval_CoinFlips_IsNearTheNormalOne()
    {
        double[] values = [.. Enumerable.Range(0, 400).Select(i => (double)(i % 2))];
        BootstrapInterval interval = Bootstrap.MeanInterval(values, samples: 4000, seed: 3);
        double half = 1.96 * 0.5 / Math.Sqrt(400); // 0.049
        Assert.InRange(interval.Low, 0.5 - half - 0.006, 0.5 - half + 0.006);
        Assert.InRange(interval.High, 0.5 + half - 0.006, 0.5 + half + 0.006);
        Assert.Equal(interval, Bootstrap.MeanInterval(values, samples: 4000, seed: 3)); // the same in every run
    }

    [Fact]
    public void RatioInterval_ItemsOfUnequalWeight_WeighsThem()
    {
        // Two items, 1 of 1 and 0 of 3: resampled ratios are 1, 1/4 (half of the time) and 0.
        BootstrapInterval interval = Bootstrap.RatioInterval([1, 0], [1, 3], samples: 2000, seed: 2);
        Assert.Equal((0.25, 0.0, 1.0), (interval.Mean, interval.Low, interval.High));
        double[] values = [1, 2, 4], ones = [1, 1, 1];
        Assert.Equal(Bootstrap.MeanInterval(values, seed: 5), Bootstrap.RatioInterval(values, ones, seed: 5));
        Assert.Throws<ArgumentException>(() => Bootstrap.RatioInterval([1], [0]));
        Assert.Throws<ArgumentException>(() => Bootstrap.RatioInterval([1, 2], [1]));
    }

    [Fact]
    public void Paired_ClearAndNoDifference_HaveSmallAndLargePValues()
    {
        double[] a = [.. Enumerable.Range(0, 60).Select(i => (i % 7) + 1.0)], same = [.. a.Select((x, i) => x + (i % 2 == 0 ? 1 : -1))];
        PairedComparison clear = Bootstrap.Paired([.. a.Select((x, i) => x + 0.5 + (i % 3))], a, samples: 2000);
        Assert.Equal(1.5, clear.Difference, 1e-12);
        Assert.Equal(1.0 / 2001, clear.PValue);
        Assert.True(clear.Interval.Low > 0);
        Assert.True(Bootstrap.Paired(a, same, samples: 2000).PValue > 0.8);
        Assert.Equal(1, Bootstrap.Paired(a, a, samples: 100).PValue);
    }

    [Fact]
    public void Paired_TwoItems_IsTheExactDistribution()
    {
        // Differences 0 and 2: resampled means are 0, 1, 1, 2 with equal weight, so a deviation of at least 1 from 1 happens half the time.
        PairedComparison comparison = Bootstrap.Paired([1, 3], [1, 1], samples: 20_000, seed: 1);
        Assert.InRange(comparison.PValue, 0.49, 0.51);
    }

    [Fact]
    public void Paired_BadInput_Throws()
    {
        Assert.Throws<ArgumentException>(() => Bootstrap.Paired([1, 2], [1]));
        Assert.Throws<ArgumentException>(() => Bootstrap.Paired([], []));
        Assert.Throws<ArgumentException>(() => Bootstrap.MeanInterval([double.NaN]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.MeanInterval([1], level: 1));
    }
}
