namespace Tuna.Distributed.Tests;

/// <summary>The model of a step's time, worked by hand.</summary>
public sealed class ScalingModelTests
{
    private static readonly ScalingModel Model = new()
    {
        Parameters = 1e9,
        Tensors = 100,
        TokensPerStep = 1e5,
        MicroBatches = 16,
        PeakFlops = 1e15,
        Utilization = 0.5,
        MemoryBandwidth = 2e12,
        LinkBandwidth = 400e9,
        NetworkBandwidth = 50e9,
        GpusPerMachine = 4,
        Latency = 1e-5,
    };

    [Fact]
    public void At_OneGpu_ExchangesNothing()
    {
        ScalingPoint one = Model.At(1);
        Assert.Equal(8 * 1e9 * 1e5 / 0.5e15, one.Compute, 1e-12);
        Assert.Equal(0, one.Exchange);
        Assert.Equal(0.012, one.Optimizer, 1e-12);
    }

    [Fact]
    public void At_WithinAndBeyondAMachine_TakesTheSlowestLink()
    {
        Assert.Equal((1.5 * 4e9 / 400e9) + (100 * 2 * 2 * 1e-5), Model.At(4).Exchange, 1e-12);
        Assert.Equal((1.75 * 4e9 / 50e9) + (100 * 2 * 3 * 1e-5), Model.At(8).Exchange, 1e-12);
        Assert.Equal(0.012 / 8, Model.At(8).Optimizer, 1e-12);
        Assert.Equal(0.012, (Model with { ShardOptimizer = false }).At(8).Optimizer, 1e-12);
    }

    [Fact]
    public void At_MoreGpusThanMicroBatches_ComputesNoFaster()
    {
        Assert.Equal(Model.At(16).Compute, Model.At(64).Compute);
        Assert.Equal(1, Model.Efficiency(1));
        Assert.True(Model.Efficiency(64) < Model.Efficiency(16) && Model.Efficiency(16) < Model.Efficiency(4));
    }

    [Fact]
    public void At_OutOfRange_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Model.At(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => (Model with { Utilization = 0 }).At(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => (Model with { LinkBandwidth = -1 }).At(2));
    }
}
