using Tuna.Models.Sampling;
using Tuna.Numerics;

namespace Tuna.Models.Tests.Sampling;

public sealed class GumbelNoiseTests
{
    [Theory]
    [InlineData(32_000, 0.01)]
    [InlineData(32_000, 3)]
    [InlineData(1001, 1)]
    [InlineData(3, 10)]
    public void ArgMax_VectorsRuleOutNoWinner(int count, double deviation)
    {
        // Every score in double precision against what the bound lets through.
        var rng = new Rng(3);
        float[] logits = [.. Enumerable.Range(0, count).Select(_ => (float)(deviation * rng.NextGaussian()))];
        float max = logits.Max();
        foreach (double temperature in (double[])[1, 2, 0.3])
        {
            for (int place = 0; place < 60; place++)
            {
                var noise = new GumbelNoise(11, place);
                int best = 0;
                for (int v = 1; v < count; v++)
                {
                    if (Score(v) > Score(best))
                        best = v;
                }

                Assert.Equal(best, noise.ArgMax(logits, max, temperature));

                double Score(int v) => (((double)logits[v] - max) * (1 / temperature)) + noise.Of(v);
            }
        }
    }

    [Fact]
    public void ArgMax_Bound_KeepsWhatIsAboveItAndTheFirstAtIt()
    {
        var logits = new float[100];
        logits[90] = 1;
        var seen = new HashSet<int>();
        for (int place = 0; place < 2000; place++)
            seen.Add(new GumbelNoise(5, place).ArgMax(logits, 1, 1, 0, 20));
        Assert.Equal([.. Enumerable.Range(0, 21), 90], seen.Order());
        Assert.Equal(90, new GumbelNoise(5, 1).ArgMax(logits, 1, 1, 1, 90));
    }

    [Fact]
    public void ArgMax_NothingToDrawFromOrNoTemperature_Throws()
    {
        Assert.Throws<ArgumentException>(() => default(GumbelNoise).ArgMax([], 0, 1));
        foreach (double temperature in (double[])[0, -1, double.NaN])
            Assert.Throws<ArgumentOutOfRangeException>(() => default(GumbelNoise).ArgMax([1f], 1, temperature));
        Assert.Equal(-1, default(GumbelNoise).ArgMax([1f], 1, 1, 2));
    }

    [Fact]
    public void Of_FollowsTheGumbelDistribution()
    {
        // exp(-exp(-g)) is uniform: its deciles by chi-square, nine degrees of freedom; and the smallest exponential of many is not cut
        // off.
        var counts = new int[10];
        double largest = double.NegativeInfinity;
        for (int place = 0; place < 1000; place++)
        {
            var noise = new GumbelNoise(1, place);
            for (int v = 0; v < 1000; v++)
            {
                double g = noise.Of(v);
                largest = Math.Max(largest, g);
                counts[Math.Min(9, (int)(10 * Math.Exp(-Math.Exp(-g))))]++;
            }
        }

        Assert.InRange(counts.Sum(c => Math.Pow(c - 100_000, 2) / 100_000), 0, 30);
        Assert.InRange(largest, Math.Log(1e6) - 3, Math.Log(1e6) + 6);
    }

    /// <summary>Neighbouring places, tokens and streams: the joint frequencies of quartiles, nine degrees of freedom, and the
    /// correlation.</summary>
    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(0, 1, 0)]
    [InlineData(0, 0, 1)]
    [InlineData(1, 1, 0)]
    [InlineData(256, 0, 0)]
    [InlineData(0, 256, 0)]
    public void Of_Neighbours_AreIndependent(int placeStep, int tokenStep, ulong streamStep)
    {
        var counts = new double[4, 4];
        double product = 0;
        const int Places = 300, Tokens = 1000, Pairs = Places * Tokens;
        for (int place = 0; place < Places; place++)
        {
            GumbelNoise noise = new(1, place), other = new(1 + streamStep, place + placeStep);
            for (int v = 0; v < Tokens; v++)
            {
                double u = Uniform(noise.Of(v)), w = Uniform(other.Of(v + tokenStep));
                counts[(int)(4 * u), (int)(4 * w)]++;
                product += (u - 0.5) * (w - 0.5) * 12;
            }
        }

        double chi = counts.Cast<double>().Sum(c => Math.Pow(c - (Pairs / 16.0), 2) / (Pairs / 16.0));
        Assert.InRange(chi, 0, 45);
        Assert.InRange(product / Math.Sqrt(Pairs), -4, 4);

        static double Uniform(double g) => Math.Min(Math.Exp(-Math.Exp(-g)), 0.9999999999);
    }

    [Fact]
    public void Of_AKnownPlace_IsPartOfTheContract()
    {
        // Seeds mean the same in every version: these are what the definition gives, computed by hand.
        var noise = new GumbelNoise(42, 7);
        ulong key = Rng.Derive(42, 7);
        uint h = Mix(Mix(5 + (uint)key) ^ (uint)(key >> 32));
        Assert.Equal(-Math.Log(-Math.Log(1 - ((h + 0.5) / 4294967296.0))), noise.Of(5));

        static uint Mix(uint x)
        {
            x ^= x >> 16;
            x *= 0x7FEB352D;
            x ^= x >> 15;
            x *= 0x846CA68B;
            return x ^ (x >> 16);
        }
    }
}
