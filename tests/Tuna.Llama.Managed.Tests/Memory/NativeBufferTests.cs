using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Tests.Memory;

public unsafe class NativeBufferTests
{
    // Around a register, a page and the size from which on large pages are asked for, which end before the block does.
    [Theory]
    [InlineData(1, 64)]
    [InlineData(1025, 64)]
    [InlineData(2 * 1024 * 1024 - 1, 64)]
    [InlineData(2 * 1024 * 1024 + 77, 2 * 1024 * 1024)]
    public void Ensure_AnySize_IsAlignedAndHoldsEveryFloat(int count, int alignment)
    {
        using var buffer = new NativeBuffer();
        float* data = buffer.Ensure(count);
        Assert.Equal(0u, (nuint)data % (nuint)alignment);
        new Span<float>(data, count).Fill(2);
        data[count - 1] = 3;
        Assert.Equal(3, buffer.Ensure(count)[count - 1]);
        Assert.Equal(count, buffer.Capacity);
        Assert.All(new Span<float>(buffer.EnsureZeroed(count), count).ToArray().Where((_, i) => i % 511 == 0), x => Assert.Equal(0, x));
    }
}
