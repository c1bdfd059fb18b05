using Tuna.Data;
using Tuna.Numerics;

namespace Tuna.Core.Tests.Numerics;

public class StableHashTests
{
    /// <summary>Splits and seeds depend on these values: they never change.</summary>
    [Fact]
    public void Of_KnownTexts_NeverChanges() => Assert.Equal<ulong[]>(
        KnownValues,
        [StableHash.Of(""), StableHash.Of("ae-0"), StableHash.Of("ae-0", 1), StableHash.Of("12345")]);

    [Fact]
    public void IsHeldOut_ManyIds_IsTheFractionAndDependsOnTheSeed()
    {
        string[] ids = [.. Enumerable.Range(0, 10_000).Select(i => "row-" + i)];
        int held = ids.Count(id => StableHash.IsHeldOut(id, 0.2));
        Assert.InRange(held, 1880, 2120); // three standard deviations of a fair draw are 120
        int both = ids.Count(id => StableHash.IsHeldOut(id, 0.2) && StableHash.IsHeldOut(id, 0.2, 1));
        Assert.InRange(both, 340, 460);
        Assert.DoesNotContain(ids, id => StableHash.IsHeldOut(id, 0));
        Assert.All(ids, id => Assert.True(StableHash.IsHeldOut(id, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => StableHash.IsHeldOut("x", double.NaN));
    }

    [Fact]
    public void Of_ShortTexts_DoNotCollide()
    {
        string[] texts = [.. Enumerable.Range(0, 200_000).Select(i => i.ToString()), "a", "a\0", "a\0\0", "\0", "\0\0"];
        Assert.Equal(texts.Length, texts.Select(t => StableHash.Of(t)).Distinct().Count());
    }

    private static readonly ulong[] KnownValues = [13802149437307881658, 16060004688129303245, 4308377490281632504, 6509167562394546897];
}
