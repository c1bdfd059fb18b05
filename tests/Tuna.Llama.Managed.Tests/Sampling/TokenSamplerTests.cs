using FsCheck;
using FsCheck.Fluent;
using Tuna.Llama.Managed.Sampling;
using Tuna.Models.Sampling;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Sampling;

public sealed unsafe class TokenSamplerTests : IDisposable
{
    private readonly TokenSampler _sampler = new();

    public void Dispose() => _sampler.Dispose();

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(0.5, 0, 1.0)]
    [InlineData(2.0, 7, 1.0)]
    [InlineData(1.0, 0, 0.8)]
    [InlineData(1.5, 12, 0.9)]
    public void Draw_ManyTimes_FollowsTheDistribution(double temperature, int topK, double topP)
    {
        float[] logits = Logits(300, 3);
        SamplingRequest request = Request(temperature, topK, topP);
        double[] expected = Distribution(logits, temperature, topK, topP);
        const int Draws = 40_000;
        var counts = new int[logits.Length];
        for (int i = 0; i < Draws; i++)
            counts[Draw(logits, request, i).Token]++;

        double chi = 0;
        int cells = 0;
        for (int v = 0; v < counts.Length; v++)
        {
            if (expected[v] == 0)
                Assert.Equal(0, counts[v]);
            if (expected[v] * Draws < 5)
                continue;
            chi += Math.Pow(counts[v] - (expected[v] * Draws), 2) / (expected[v] * Draws);
            cells++;
        }

        // Chi-square with f degrees of freedom has mean f and deviation sqrt(2 f): five deviations with a fixed seed.
        Assert.InRange(chi, 0, cells - 1 + (5 * Math.Sqrt(2 * cells)));
    }

    [Fact]
    public void Draw_CutOff_ReportsTheLogProbabilityWithNothingCutOff()
    {
        float[] logits = [MathF.Log(0.5f), MathF.Log(0.2f), MathF.Log(0.3f)];
        for (int place = 0; place < 20; place++)
        {
            (int token, double logProb) = Draw(logits, Request(0.7, 2, 1), place);
            Assert.NotEqual(1, token);
            Assert.Equal(logits[token], logProb, 1e-6);
        }
    }

    [Fact]
    public void Pick_IsTheTokenOfDraw() => Prop.ForAll(Gen.Choose(1, 100_000).ToArbitrary(), seed =>
    {
        float[] logits = Logits(1 + (seed % 200), (ulong)seed);
        SamplingRequest request = Request(seed % 3 * 0.6, seed % 4 * 3, seed % 5 == 0 ? 0.7 : 1);
        fixed (float* l = logits)
            return _sampler.Pick(l, logits.Length, request, new GumbelNoise(7, seed))
                == _sampler.Draw(l, logits.Length, request, new GumbelNoise(7, seed)).Token;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Draw_Greedy_TakesTheFirstOfTheLargest()
    {
        float[] logits = Logits(100, 1);
        logits[40] = logits[60] = 100;
        Assert.Equal(40, Draw(logits, Request(0, 0, 1), 3).Token);
    }

    [Fact]
    public void Draw_TopKOne_IsGreedy() => Prop.ForAll(Gen.Choose(1, 1000).ToArbitrary(), seed =>
    {
        float[] logits = Logits(1 + (seed % 50), (ulong)seed);
        return Draw(logits, Request(1, 1, 1), seed).Token == Array.IndexOf(logits, logits.Max());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Draw_TopKAndTopP_StayAmongTheKept() => Prop.ForAll(Gen.Choose(1, 100_000).ToArbitrary(), seed =>
    {
        var rng = new Rng((ulong)seed);
        float[] logits = Logits(2 + rng.Next(60), (ulong)seed);
        int topK = rng.Next(8);
        double topP = 0.05 + (0.95 * rng.NextDouble()), temperature = 0.2 + (2 * rng.NextDouble());
        int token = Draw(logits, Request(temperature, topK, topP), seed).Token;
        return Distribution(logits, temperature, topK, topP)[token] > 0;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Draw_NonFiniteLogits_GivesNoToken()
    {
        Assert.Equal((-1, double.NaN), Draw([1, float.NaN, 2], Request(1, 0, 1), 5));
        Assert.Equal((-1, double.NaN), Draw([1, float.PositiveInfinity, 2], Request(0, 0, 1), 5));
    }

    [Fact]
    public void Draw_TinyTemperature_IsGreedy() =>
        Assert.Equal(Draw(Logits(500, 9), Request(0, 0, 1), 0).Token, Draw(Logits(500, 9), Request(1e-300, 0, 1), 4).Token);

    private (int Token, double LogProb) Draw(float[] logits, SamplingRequest request, int place)
    {
        fixed (float* l = logits)
            return _sampler.Draw(l, logits.Length, request, new GumbelNoise(17, place));
    }

    private static float[] Logits(int count, ulong seed)
    {
        var rng = new Rng(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * rng.NextGaussian()))];
    }

    private static SamplingRequest Request(double temperature, int topK, double topP) => new()
    {
        Prompt = new int[] { 1 },
        Temperature = temperature,
        TopK = topK,
        TopP = topP,
    };

    private static double[] Distribution(float[] logits, double temperature, int topK, double topP)
    {
        int[] order = [.. Enumerable.Range(0, logits.Length).OrderByDescending(v => logits[v]).ThenBy(v => v)];
        if (topK > 0)
            order = order[..Math.Min(topK, order.Length)];
        double max = logits.Max(), total = order.Sum(v => Math.Exp((logits[v] - max) / temperature)), kept = 0;
        var p = new double[logits.Length];
        foreach (int v in order)
        {
            // The kernel works in single precision: a token right at the edge may fall on either side, so it is kept here.
            if (kept >= topP + 1e-6 && kept > 0)
                break;
            kept += p[v] = Math.Exp((logits[v] - max) / temperature) / total;
        }

        return [.. p.Select(x => x / kept)];
    }
}
