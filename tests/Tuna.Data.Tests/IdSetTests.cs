using Tuna.Data;
using Tuna.Numerics;

namespace Tuna.Data.Tests;

public class IdSetTests
{
    [Fact]
    public void Add_AnyHashes_TellsNewFromOld()
    {
        // Numbers of few bits repeat, and differ in places that choose neither table nor slot.
        var rng = new Rng(4);
        var set = new IdSet();
        var expected = new HashSet<UInt128>();
        int repeated = 0;
        for (int i = 0; i < 200_000; i++)
        {
            var hash = new UInt128((rng.NextUInt64() & 0xFF) << 1, rng.NextUInt64() & 0xFFF);
            bool isNew = expected.Add(hash);
            repeated += isNew ? 0 : 1;
            Assert.Equal(isNew, set.Add(hash));
        }

        Assert.InRange(repeated, 1000, 199_000);
    }

    [Fact]
    public void Add_ManyIds_EachOnce()
    {
        var set = new IdSet();
        for (int pass = 0; pass < 2; pass++)
        {
            for (int i = 0; i < 100_000; i++)
                Assert.Equal(pass == 0, set.Add(StableHash.Of128($"row-{i}")));
        }
    }
}
