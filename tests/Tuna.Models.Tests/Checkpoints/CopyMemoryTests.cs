using Tuna.Models.Checkpoints;

namespace Tuna.Models.Tests.Checkpoints;

public class CopyMemoryTests
{
    [Fact]
    public void Take_AfterReturn_GivesTheSmallestBlockThatFits()
    {
        using var memory = new CopyMemory();
        (nint Address, long Bytes) small = memory.Take(1000), large = memory.Take(5000);
        memory.Return(large);
        memory.Return(small);
        Assert.Equal(6000, memory.Bytes);
        Assert.Equal(small, memory.Take(900));
        Assert.Equal(large, memory.Take(900));
        Assert.Equal(0, memory.Bytes);
        memory.Return(small);
        memory.Return(large);
    }

    [Fact]
    public void Trim_FreesWhatNobodyTook()
    {
        using var memory = new CopyMemory();
        memory.Return(memory.Take(1000));
        memory.Trim();
        Assert.Equal(0, memory.Bytes);
    }

    [Fact]
    public void Return_AfterDispose_KeepsNothing()
    {
        var memory = new CopyMemory();
        (nint, long) block = memory.Take(1000);
        memory.Dispose();
        memory.Return(block);
        Assert.Equal(0, memory.Bytes);
    }
}
