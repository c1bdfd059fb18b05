using FsCheck;
using FsCheck.Fluent;
using Tuna.Llama.Managed.Memory;
using Tuna.Numerics;

namespace Tuna.Llama.Managed.Tests.Memory;

public sealed unsafe class RowsTests
{
    [Fact]
    public void Compact_AnyRows_MovesThemToTheFront() => Prop.ForAll(Gen.Choose(1, 1_000_000).ToArbitrary(), seed =>
    {
        int[] kept = Some((ulong)seed, out int rows);
        using var matrix = new TestMatrix(rows, 3, (ulong)seed);
        double[,] before = matrix.ToDoubles();
        Rows.Compact(matrix.Data, 3, kept);
        for (int i = 0; i < kept.Length; i++)
        {
            for (int j = 0; j < 3; j++)
                Assert.Equal(before[kept[i], j], matrix[i, j]);
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Spread_AnyPlaces_MovesTheFirstRowsThereAndClearsTheOthers() => Prop.ForAll(Gen.Choose(1, 1_000_000).ToArbitrary(), seed =>
    {
        int[] places = Some((ulong)seed, out int rows);
        using var matrix = new TestMatrix(rows, 3, (ulong)seed, extraStride: 2);
        double[,] before = matrix.ToDoubles();
        Rows.Spread(matrix.Matrix, places);
        for (int t = 0; t < rows; t++)
        {
            int i = Array.IndexOf(places, t);
            for (int j = 0; j < 3; j++)
                Assert.Equal(i < 0 ? 0 : before[i, j], matrix[t, j]);
        }
    }).QuickCheckThrowOnFailure();

    // Some of the rows, increasing: none, all, the first or the last among them.
    private static int[] Some(ulong seed, out int rows)
    {
        var rng = new Rng(seed);
        rows = 1 + rng.Next(12);
        int odds = rng.Next(5);
        return [.. Enumerable.Range(0, rows).Where(_ => rng.Next(4) < odds)];
    }
}
