using Tuna.Llama.Tensors;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>Moments of a byte each: their levels, their rounding, and training with them.</summary>
public class MomentsTests
{
    private static readonly LlamaConfig Config = Tiny.Config with { HiddenSize = 64, IntermediateSize = 128, LayerCount = 2 };

    [Theory]
    [InlineData(true, -1f)]
    [InlineData(false, 0f)]
    public void Levels_OfEitherKind_Are256InRisingOrderWithBothEnds(bool signed, float first)
    {
        float[] levels = BlockCodes.Levels(signed);
        Assert.Equal(256, levels.Distinct().Count());
        Assert.Equal(levels.Order(), levels);
        Assert.Equal((first, 1f), (levels[0], levels[255]));
        Assert.Contains(0f, levels);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_WhatWasRead_ChangesNothing(bool signed)
    {
        using DisposeScope scope = NewDisposeScope();
        using var codes = new BlockCodes(1000, signed, CPU);
        Tensor values = Values(1000, signed);
        codes.Write(0, values, 5, 0);
        Tensor first = codes.Read(0, 1000);
        foreach (uint? noise in new uint?[] { null, 77 })
        {
            codes.Write(0, first, noise, 0);
            Assert.Equal(first.data<float>().ToArray(), codes.Read(0, 1000).data<float>().ToArray());
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_WithNoise_IsNearAndWithoutBias(bool signed)
    {
        using DisposeScope scope = NewDisposeScope();
        using var codes = new BlockCodes(700, signed, CPU);
        Tensor values = Values(700, signed), sum = zeros_like(values);
        const int Times = 300;
        for (uint n = 0; n < Times; n++)
        {
            codes.Write(0, values, BlockCodes.NoiseOf(n), 16);
            Tensor read = codes.Read(0, 700);
            // Below the largest decade steps are coarser, but small beside the block's largest number.
            Assert.True(((read - values).abs() <= (0.15 * values.abs()) + (2e-3 * values.abs().max())).all().item<bool>());
            sum.add_(read);
        }

        double Distance(Tensor from) => (from - values).norm().item<float>() / values.norm().item<float>();
        double bias = Distance(sum / Times), once = Distance(codes.Read(0, 700));
        Assert.True(bias < 0.2 * once, $"{bias} of {once}");
        Assert.InRange(once, 1e-4, 0.05);
    }

    [Fact]
    public void Write_OfRoots_KeepsWhatIsNotZeroAboveZero()
    {
        using DisposeScope scope = NewDisposeScope();
        using var codes = new BlockCodes(3, signed: false, CPU);
        codes.Write(0, tensor(new[] { 1f, 1e-12f, 0f }), null, 0);
        float[] read = codes.Read(0, 3).data<float>().ToArray();
        Assert.True(read[1] > 0);
        Assert.Equal((1f, 0f), (read[0], read[2]));
    }

    [Theory]
    [InlineData(TensorDType.F32)]
    [InlineData(TensorDType.BF16)]
    public void Train_TenSteps_MovesAsFullMomentsDo(TensorDType type)
    {
        (float[] start, _) = Run(MomentPrecision.Full, type, 0);
        (float[] full, _) = Run(MomentPrecision.Full, type, 10);
        (float[] compact, _) = Run(MomentPrecision.EightBit, type, 10);
        double moved = Math.Sqrt(start.Zip(full, (a, b) => (double)(a - b) * (a - b)).Sum()),
            apart = Math.Sqrt(compact.Zip(full, (a, b) => (double)(a - b) * (a - b)).Sum());
        Assert.InRange(apart / moved, 1e-6, 0.1);
    }

    [Fact]
    public void Train_AHundredSteps_ReachesTheLossOfFullMoments()
    {
        (_, double[] full) = Run(MomentPrecision.Full, TensorDType.F32, 100);
        (_, double[] compact) = Run(MomentPrecision.EightBit, TensorDType.F32, 100);
        double reached = full[..^1].TakeLast(10).Average();
        Assert.True(reached < full[0] - 1, $"{full[0]} to {reached}: nothing was learnt");
        Assert.InRange(compact[..^1].TakeLast(10).Average() - reached, -0.03 * (full[0] - reached), 0.03 * (full[0] - reached));
    }

    [Fact]
    public void LoadTrainingState_WithCompactMoments_ContinuesToTheSameBits()
    {
        TokenGroup[] groups = Batches.Random(2, 3, Config.VocabularySize);
        using LlamaPolicy policy = Policy(MomentPrecision.EightBit, TensorDType.F32),
            other = Policy(MomentPrecision.EightBit, TensorDType.F32);
        for (int step = 1; step <= 3; step++)
            Batches.Train(policy, Tiny.Loss, groups, step);
        using var folder = new TempFolder();
        policy.SaveModel(folder.Root);
        policy.SaveTrainingState(folder.Root);
        other.LoadTrainingState(folder.Root);
        for (int step = 4; step <= 6; step++)
        {
            Batches.Train(policy, Tiny.Loss, groups, step);
            Batches.Train(other, Tiny.Loss, groups, step);
        }

        Assert.Equal(Weights(policy), Weights(other));
    }

    private static (float[] Weights, double[] Losses) Run(MomentPrecision precision, TensorDType type, int steps)
    {
        using LlamaPolicy policy = Policy(precision, type);
        var losses = new List<double>();
        for (int step = 1; step <= steps; step++)
            losses.Add(Batches.Train(policy, Tiny.Loss, Batches.Random(2, 3, Config.VocabularySize, (ulong)(step % 4)), step));
        losses.Add(0);
        return (Weights(policy), [.. losses]);
    }

    private static LlamaPolicy Policy(MomentPrecision precision, TensorDType type) => LlamaPolicy.Create(Config, new()
    {
        Moments = precision,
        ComputeType = type,
        SavedType = TensorDType.F32,
    });

    private static float[] Weights(LlamaPolicy policy)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. policy.Backbone.Weights.Where(w => w.Trained is not null)
            .SelectMany(w => w.Trained!.Exact(0, w.Data.shape[0]).contiguous().data<float>().ToArray())];
    }

    private static Tensor Values(long count, bool signed)
    {
        using var generator = new Generator(3, CPU);
        Tensor values = randn([count], ScalarType.Float32, CPU, generator: generator).pow(3);
        return signed ? values : values.abs();
    }
}
