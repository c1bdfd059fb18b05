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
    public void Of_ShortTexts_DoNotCollide()
    {
        string[] texts = [.. Enumerable.Range(0, 200_000).Select(i => i.ToString()), "a", "a\0", "a\0\0", "\0", "\0\0"];
        Assert.Equal(texts.Length, texts.Select(t => StableHash.Of(t)).Distinct().Count());
    }

    private static readonly ulong[] KnownValues = [13802149437307881658, 16060004688129303245, 4308377490281632504, 6509167562394546897];
}
