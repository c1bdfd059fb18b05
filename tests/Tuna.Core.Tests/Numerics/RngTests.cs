using System.Numerics;
using Tuna.Numerics;

namespace Tuna.Core.Tests.Numerics;

public class RngTests
{
    [Fact]
    public void NextUInt64_AnySeed_IsXoshiro256StarStarSeededBySplitMix()
    {
        // The published vectors of both generators check the reference; the reference checks the library.
        ulong x = 1234567;
        Assert.Equal(new ulong[] { 6457827717110365317, 3203168211198807973, 9817491932198370423 },
            Enumerable.Range(0, 3).Select(_ => SplitMix(ref x)));
        ulong[] state = [1, 2, 3, 4];
        Assert.Equal(new ulong[] { 11520, 0, 1509978240, 1215971899390074240 }, Enumerable.Range(0, 4).Select(_ => Xoshiro(state)));

        foreach (ulong seed in new ulong[] { 0, 1, 42, ulong.MaxValue })
        {
            ulong s = seed;
            state = [SplitMix(ref s), SplitMix(ref s), SplitMix(ref s), SplitMix(ref s)];
            var rng = new Rng(seed);
            for (int i = 0; i < 1000; i++)
                Assert.Equal(Xoshiro(state), rng.NextUInt64());
        }
    }

    [Fact]
    public void Derive_NeighbouringSeedsAndStreams_GivesDistinctSeeds()
    {
        var seeds = new HashSet<ulong>();
        for (ulong seed = 0; seed < 100; seed++)
        {
            for (ulong stream = 0; stream < 100; stream++)
                Assert.True(seeds.Add(Rng.Derive(seed, stream)));
        }
        Assert.Equal(Rng.Derive(3, 4), Rng.Derive(3, 4));
        Assert.NotEqual(Rng.Derive(3, 4), Rng.Derive(4, 3));
    }

    /// <summary>The rows of a run are seeded so: these values never change.</summary>
    [Fact]
    public void Derive_Names_NeverChanges() =>
        Assert.Equal<ulong[]>([16060004688129303245, 4308377490281632504], [Rng.Derive(0, "ae-0"), Rng.Derive(1, "ae-0")]);

    [Fact]
    public void Next_ManyDraws_IsUniform()
    {
        var rng = new Rng(1);
        foreach (int bound in new[] { 1, 2, 7, 10 })
        {
            int[] counts = new int[bound];
            const int Draws = 100_000;
            for (int i = 0; i < Draws; i++)
                counts[rng.Next(bound)]++;
            // Six standard deviations of a binomial count: the seed is fixed, so this passes always or never.
            double tolerance = 6 * Math.Sqrt(Draws * (1.0 / bound) * (1 - (1.0 / bound)));
            Assert.All(counts, c => Assert.InRange(c, (Draws / (double)bound) - tolerance, (Draws / (double)bound) + tolerance));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => rng.Next(0));
    }

    [Fact]
    public void NextDoubleAndNextGaussian_ManyDraws_HaveTheirMoments()
    {
        var rng = new Rng(2);
        const int Draws = 100_000;
        double[] uniform = new double[Draws], gaussian = new double[Draws];
        for (int i = 0; i < Draws; i++)
        {
            uniform[i] = rng.NextDouble();
            gaussian[i] = rng.NextGaussian();
        }
        Assert.All(uniform, u => Assert.True(u is >= 0 and < 1));
        Assert.Equal(0.5, uniform.Average(), 6 * Math.Sqrt(1.0 / 12 / Draws));
        Assert.Equal(0, gaussian.Average(), 6 / Math.Sqrt(Draws));
        Assert.Equal(1, gaussian.Average(g => g * g), 6 * Math.Sqrt(2.0 / Draws)); // a squared normal has variance 2
    }

    [Fact]
    public void Shuffle_ManyTimes_MakesEveryOrderEquallyOften()
    {
        var rng = new Rng(3);
        var counts = new Dictionary<string, int>();
        const int Draws = 24_000;
        for (int i = 0; i < Draws; i++)
        {
            char[] items = ['a', 'b', 'c', 'd'];
            rng.Shuffle(items.AsSpan());
            string order = new(items);
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }
        Assert.Equal(24, counts.Count);
        Assert.All(counts.Values, c => Assert.InRange(c, 1000 - (6 * Math.Sqrt(1000)), 1000 + (6 * Math.Sqrt(1000))));
    }

    private static ulong SplitMix(ref ulong x)
    {
        ulong z = x += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static ulong Xoshiro(ulong[] s)
    {
        ulong result = BitOperations.RotateLeft(s[1] * 5, 7) * 9;
        ulong t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = BitOperations.RotateLeft(s[3], 45);
        return result;
    }
}
