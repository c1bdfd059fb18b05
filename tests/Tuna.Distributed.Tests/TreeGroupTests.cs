using Tuna.Numerics;

namespace Tuna.Distributed.Tests;

/// <summary>Sums in the order of a balanced tree, whatever the lengths and the number of ranks.</summary>
public sealed class TreeGroupTests
{
    public static TheoryData<int, int> Sizes
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (int ranks in (int[])[1, 2, 4, 8])
            {
                foreach (int length in (int[])[0, 1, 2, 5, 17, 1000, (3 << 16) + 11])
                    data.Add(ranks, length);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void SumTree_OfAnyLength_IsTheBalancedTreeOnAllRanks(int ranks, int length)
    {
        float[][] all = Values(ranks, length);
        IReadOnlyList<float[]> sums = ThreadGroup.Run(ranks, group =>
        {
            float[] mine = [.. all[group.Rank]];
            group.SumTree(mine);
            return mine;
        });
        float[] expected = Tree(all, 0, ranks);
        Assert.All(sums, sum => Assert.Equal(Bits(expected), Bits(sum)));
    }

    [Theory]
    [InlineData(0, 0, 0, 0, 100)]
    [InlineData(0, 100, 100, 100, 100)]
    [InlineData(0, 1, 70, 70, 100)]
    [InlineData(0, 0, 0, 100, 100)]
    public void ReduceScatterTree_OfUnequalParts_GivesEachItsOwnAndGatherPartsTheRest(params int[] bounds)
    {
        float[][] all = Values(4, 100);
        float[] expected = Tree(all, 0, 4);
        ThreadGroup.Run(4, group =>
        {
            float[] mine = [.. all[group.Rank]];
            group.ReduceScatterTree(mine, bounds);
            Range own = bounds[group.OwnPart()]..bounds[group.OwnPart() + 1];
            Assert.Equal(Bits(expected[own]), Bits(mine[own]));
            float[] others = new float[100];
            mine[own].CopyTo(others, own.Start.Value);
            group.GatherParts(others, bounds);
            Assert.Equal(Bits(expected), Bits(others));
            return 0;
        });
    }

    [Theory]
    [InlineData(new[] { 0, 50 })]
    [InlineData(new[] { 0, 60, 99 })]
    [InlineData(new[] { 1, 60, 100 })]
    [InlineData(new[] { 0, 101, 100 })]
    public void ReduceScatterTree_BoundsThatDoNotFit_Throws(int[] bounds) =>
        Assert.Throws<ArgumentException>(() => ThreadGroup.Run(2, group =>
        {
            group.ReduceScatterTree(new float[100], bounds);
            return 0;
        }));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void AllGather_OfRows_KeepsTheRanksOrder(int ranks) => ThreadGroup.Run(ranks, group =>
    {
        double[] all = new double[3 * ranks];
        group.AllGather([group.Rank, 10 * group.Rank, double.NaN], all);
        for (int r = 0; r < ranks; r++)
            Assert.Equal([r, 10 * r, double.NaN], all[(3 * r)..((3 * r) + 3)]);
        return 0;
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(6)]
    public void BroadcastText_FromAnyRoot_ReachesAll(int root)
    {
        IReadOnlyList<string> heard = ThreadGroup.Run(8, group => group.BroadcastText(group.Rank == root ? "Grüße" : null, root));
        Assert.All(heard, text => Assert.Equal("Grüße", text));
    }

    [Fact]
    public void PartOf_Twice_IsTheRank()
    {
        foreach (int size in (int[])[1, 2, 4, 8, 64])
        {
            Assert.Equal(Enumerable.Range(0, size),
                Enumerable.Range(0, size).Select(r => IProcessGroup.PartOf(IProcessGroup.PartOf(r, size), size)));
            Assert.Equal(size, Enumerable.Range(0, size).Select(r => IProcessGroup.PartOf(r, size)).Distinct().Count());
        }
    }

    [Fact]
    public void Run_OneRankThrows_EndsTheOthersAndThrowsTheSame()
    {
        var e = Assert.Throws<InvalidDataException>(() => ThreadGroup.Run(4, group =>
        {
            if (group.Rank == 2)
                throw new InvalidDataException("spoilt");
            group.SumTree(new float[10]);
            return 0;
        }));
        Assert.Equal("spoilt", e.Message);
    }

    [Fact]
    public void Abort_OfOneRank_EndsTheOthers()
    {
        var e = Assert.Throws<ProcessGroupException>(() => ThreadGroup.Run(2, group =>
        {
            if (group.Rank == 1)
                group.Abort(9);
            group.SumTree(new float[10]);
            return 0;
        }));
        Assert.Contains("Rank 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_ThreeRanks_IsRefused() =>
        Assert.Contains("power of two", Assert.Throws<ArgumentException>(() => ThreadGroup.Run(3, _ => 0)).Message,
            StringComparison.Ordinal);

    private static float[][] Values(int ranks, int length)
    {
        var rng = new Rng(4);
        return [.. Enumerable.Range(0, ranks)
            .Select(_ => Enumerable.Range(0, length).Select(_ => (float)((rng.NextDouble() - 0.5) * Math.Pow(10, rng.Next(8)))).ToArray())];
    }

    private static float[] Tree(float[][] all, int from, int to)
    {
        if (to - from == 1)
            return all[from];
        float[] left = Tree(all, from, (from + to) / 2), right = Tree(all, (from + to) / 2, to);
        return [.. left.Zip(right, (a, b) => a + b)];
    }

    private static int[] Bits(float[] values) => Array.ConvertAll(values, BitConverter.SingleToInt32Bits);
}
