using FsCheck;
using FsCheck.Fluent;
using Tuna.Text;

namespace Tuna.Core.Tests.Text;

public class LcsMatcherTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(512)]
    public void Length_SamePattern_IsItsLength(int length)
    {
        ulong[] text = [.. Enumerable.Range(0, length).Select(i => (ulong)(i % 7))];
        Assert.Equal(length, Bits(text, text));
    }

    [Fact]
    public void Length_RandomTextsAroundWordBoundaries_EqualsTable()
    {
        var rng = new Tuna.Numerics.Rng(11);
        int[] lengths = [0, 1, 2, 31, 62, 63, 64, 65, 66, 100, 126, 127, 128, 129, 191, 192, 193, 300];
        foreach (int m in lengths)
        {
            foreach (int n in lengths)
            {
                ulong symbols = 1 + (rng.NextUInt64() % 40); // few symbols: many matches and long carries
                ulong[] a = [.. Enumerable.Range(0, m).Select(_ => rng.NextUInt64() % symbols)];
                ulong[] b = [.. Enumerable.Range(0, n).Select(_ => rng.NextUInt64() % symbols)];
                Assert.Equal(Table(a, b), Bits(a, b));
            }
        }
    }

    [Fact]
    public void Length_AnyTexts_IsSymmetricEqualsTableAndWithinBounds()
    {
        Gen<ulong[]> text = Gen.Choose(0, 200).SelectMany(n => Gen.Choose(0, 9).Select(i => (ulong)i).ArrayOf(n));
        Prop.ForAll(text.ToArbitrary(), text.ToArbitrary(), (a, b) =>
        {
            int length = Bits(a, b);
            using var matcher = new LcsMatcher();
            matcher.SetPattern(a);
            int common = matcher.CommonTokens(b);
            return length == Table(a, b) && length == Bits(b, a) && length <= common && common <= Math.Min(a.Length, b.Length);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200).WithReplay(1, 1));
    }

    [Fact]
    public void SetPattern_AfterALongerOne_ForgetsIt()
    {
        using var matcher = new LcsMatcher();
        matcher.SetPattern([.. Enumerable.Range(0, 1000).Select(i => (ulong)i)]);
        matcher.SetPattern([1, 2, 3]);
        Assert.Equal(2, matcher.Length([3, 1, 999, 2]));
        Assert.Equal(3, matcher.CommonTokens([3, 1, 999, 2, 2]));
    }

    /// <summary>The textbook table, the reference of the bit-vectors.</summary>
    internal static int Table(ReadOnlySpan<ulong> a, ReadOnlySpan<ulong> b)
    {
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        foreach (ulong x in a)
        {
            for (int j = 0; j < b.Length; j++)
                current[j + 1] = x == b[j] ? previous[j] + 1 : Math.Max(previous[j + 1], current[j]);
            (previous, current) = (current, previous);
        }

        return previous[b.Length];
    }

    private static int Bits(ulong[] a, ulong[] b)
    {
        using var matcher = new LcsMatcher();
        matcher.SetPattern(a);
        return matcher.Length(b);
    }
}
