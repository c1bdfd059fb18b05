using System.Globalization;
using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>The estimate against what the process really takes. On Linux, which can measure a peak from a moment on.</summary>
public class MemoryTests
{
    private static readonly LlamaConfig Config = new()
    {
        VocabularySize = 4000,
        HiddenSize = 384,
        IntermediateSize = 1024,
        LayerCount = 4,
        HeadCount = 8,
        KeyValueHeadCount = 4,
        HeadDimension = 48,
    };

    [SkippableTheory]
    [InlineData(TensorDType.F32, ActivationMode.Keep, false, MomentPrecision.Full)]
    [InlineData(TensorDType.F32, ActivationMode.Keep, false, MomentPrecision.EightBit)]
    [InlineData(TensorDType.F32, ActivationMode.Recompute, false, MomentPrecision.Full)]
    [InlineData(TensorDType.BF16, ActivationMode.Recompute, false, MomentPrecision.Full)]
    [InlineData(TensorDType.F32, ActivationMode.Auto, false, MomentPrecision.Full)] // half of the layers
    [InlineData(TensorDType.F32, ActivationMode.Keep, true, MomentPrecision.Full)]
    [InlineData(TensorDType.F32, ActivationMode.Recompute, false, MomentPrecision.EightBit, GradientMode.Recompute)]
    public void EstimateMemory_OfAWholeStep_IsWhatTheProcessTakes(TensorDType type, ActivationMode mode, bool lora, MomentPrecision moments,
        GradientMode gradients = GradientMode.Keep)
    {
        Skip.IfNot(OperatingSystem.IsLinux()
            && File.Exists("/proc/self/clear_refs"), "Needs Linux: /proc/self tells the peak memory from a moment on.");
        Steps(Tiny.Policy(), Batches.Random(2, 3, Tiny.Config.VocabularySize)); // libtorch is loaded and warm
        TokenGroup[] groups = Groups();
        GC.Collect();
        _ = mallopt(MmapThreshold, 1 << 16); // freed tensors go back to the system at once, small ones among them
        _ = malloc_trim(0);
        File.WriteAllText("/proc/self/clear_refs", "5");
        long before = Status("VmRSS");
        int? kept = mode == ActivationMode.Auto ? Config.LayerCount / 2 : null;
        LlamaPolicy policy = LlamaPolicy.Create(Config, new()
        {
            ComputeType = type,
            Activations = mode,
            MemoryBudget = MemoryEstimate.Of(Config, null, type, true, groups, mode, keptLayers: kept).Total,
            Moments = moments,
            Lora = lora ? new LoraOptions() : null,
            Gradients = gradients,
        });
        MemoryEstimate estimate = policy.EstimateMemory(groups, mode, gradients == GradientMode.Keep ? 2 : 1, kept);
        Steps(policy, groups, gradients);
        long taken = Status("VmHWM") - before;
        double ratio = (double)taken / estimate.Total;
        // Weights move while the pass is held: the copies that libtorch's operations then make on the CPU vary.
        double most = gradients == GradientMode.Recompute ? 1.4 : 1.15;
        Assert.True(ratio > 0.65 && ratio < most,
            string.Create(CultureInfo.InvariantCulture, $"estimated {estimate}, taken {taken / 1e9:0.000} GB: {ratio:0.00} of it"));
    }

    [Fact]
    public void Create_LargerThanMemory_SaysWhatToChange()
    {
        // 2^52 bytes: more than an address space has.
        LlamaConfig huge = Config with
        {
            VocabularySize = int.MaxValue,
            HiddenSize = 1 << 19,
            HeadCount = 1 << 12,
            KeyValueHeadCount = 1,
            HeadDimension = 128,
            LayerCount = 1,
        };
        DeviceMemoryException error = Assert.Throws<DeviceMemoryException>(() => LlamaPolicy.Create(huge));
        Assert.Contains("cpu", error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(LlamaPolicyOptions.Lora), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sample_LongerThanMemory_SaysWhatToChangeAndLeavesThePolicyUsable()
    {
        // The cache of one sample: 2^30 places of 2^19 numbers, more than an address space has.
        LlamaConfig wide = Tiny.Config with
        {
            HiddenSize = 8,
            HeadCount = 1 << 12,
            KeyValueHeadCount = 1 << 12,
            HeadDimension = 128,
            LayerCount = 1,
            ContextLength = 1 << 30,
        };
        using LlamaPolicy policy = LlamaPolicy.Create(wide, new() { Trainable = false });
        SamplingRequest request = new() { Prompt = new[] { 1, 5 }, MaxNewTokens = (1 << 30) - 2 };
        DeviceMemoryException whole = Assert.Throws<DeviceMemoryException>(() => policy.Sample([request]));
        DeviceMemoryException stream = await Assert.ThrowsAsync<DeviceMemoryException>(async () =>
        {
            await foreach (int token in policy.SampleStreamAsync(request))
                Assert.Fail($"drew {token}");
        });
        Assert.All(new[] { whole, stream },
            e => Assert.Contains(nameof(SamplingRequest.MaxNewTokens), e.Message, StringComparison.Ordinal));
        Assert.Single(policy.Sample([request with { MaxNewTokens = 1 }])[0][0].Tokens);
    }

    /// <summary>What an H100 or an H200 used (MiB, all that the driver counts): the shapes of a 1.1B and of a 7B model, groups of four
    /// responses.</summary>
    [Theory]
    [InlineData(1, 8, 1, ActivationMode.Keep, MomentPrecision.Full, 0, WeightPrecision.Full, 22802)]
    [InlineData(1, 1, 2, ActivationMode.Keep, MomentPrecision.Full, 0, WeightPrecision.Full, 19162)]
    [InlineData(1, 8, 1, ActivationMode.Recompute, MomentPrecision.Full, 0, WeightPrecision.Full, 18110)]
    [InlineData(1, 8, 1, ActivationMode.Keep, MomentPrecision.EightBit, 0, WeightPrecision.Full, 16680)]
    [InlineData(1, 1, 2, ActivationMode.Keep, MomentPrecision.EightBit, 0, WeightPrecision.Full, 12894)]
    [InlineData(7, 1, 2, ActivationMode.Recompute, MomentPrecision.EightBit, 0, WeightPrecision.Full, 66712)]
    [InlineData(1, 1, 2, ActivationMode.Keep, MomentPrecision.Full, 16, WeightPrecision.Full, 4104)]
    [InlineData(1, 1, 2, ActivationMode.Keep, MomentPrecision.Full, 16, WeightPrecision.Nf4, 2764)]
    [InlineData(1, 8, 1, ActivationMode.Keep, MomentPrecision.Full, 16, WeightPrecision.Nf4, 9832)]
    [InlineData(7, 1, 2, ActivationMode.Recompute, MomentPrecision.Full, 16, WeightPrecision.Nf4, 6124)]
    public void EstimateMemory_OfAGpu_IsWhatWasMeasuredThere(int billions, int groups, int passes, ActivationMode mode,
        MomentPrecision moments, int rank, WeightPrecision weights, long used)
    {
        LlamaConfig config = billions == 7
            ? new LlamaConfig { HiddenSize = 4096, LayerCount = 32, HeadCount = 32, KeyValueHeadCount = 32, IntermediateSize = 11008,
            VocabularySize = 32000, HeadDimension = 128 } : new LlamaConfig
            {
                HiddenSize = 2048,
                LayerCount = 22,
                HeadCount = 32,
                KeyValueHeadCount = 4,
                IntermediateSize = 5632,
                VocabularySize = 32000,
                HeadDimension = 64,
                ContextLength = 4096,
            };
        var group = new TokenGroup("group", new int[256], [new int[128], new int[192], new int[224], new int[256]], new double[4]);
        MemoryEstimate estimate = MemoryEstimate.Of(
            config, rank > 0 ? new LoraOptions { Rank = rank }
                : null, TensorDType.BF16, true, [.. Enumerable.Repeat(group, groups)], mode, "cuda", moments, passes, weights);
        Assert.InRange((double)(estimate.Total >> 20) / used, 0.9, 1.1);
    }

    [Fact]
    public void EstimateMemory_SevenBillionWithCompactMoments_FitsOnEightyGigabytes()
    {
        var config = new LlamaConfig
        {
            HiddenSize = 4096,
            LayerCount = 32,
            HeadCount = 32,
            KeyValueHeadCount = 32,
            IntermediateSize = 11008,
            VocabularySize = 32000,
            HeadDimension = 128,
        };
        var group = new TokenGroup("group", new int[256], [new int[128], new int[192], new int[224], new int[256]], new double[4]);
        MemoryEstimate Of(MomentPrecision moments, int passes = 2, GradientMode gradients = GradientMode.Keep) =>
            MemoryEstimate.Of(config, null, TensorDType.BF16, true, [group], ActivationMode.Recompute, "cuda", moments, passes,
                gradientMode: gradients);
        Assert.InRange(Of(MomentPrecision.EightBit).Total, 65e9, 75e9);
        // Half a GB of the largest table's gradient instead of all.
        Assert.InRange(Of(MomentPrecision.EightBit, 1).Total - Of(MomentPrecision.EightBit, 1, GradientMode.Recompute).Total, 13e9, 14e9);
        Assert.Equal(Of(MomentPrecision.EightBit), Of(MomentPrecision.EightBit, 2, GradientMode.Recompute));
        Assert.True(Of(MomentPrecision.Full).Total > 80e9);
    }

    private const int MmapThreshold = -3;

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int mallopt(int parameter, int value);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int malloc_trim(nint pad);

    private static void Steps(LlamaPolicy policy, TokenGroup[] groups, GradientMode gradients = GradientMode.Keep)
    {
        using (policy)
        {
            if (gradients == GradientMode.Recompute)
            {
                for (int step = 1; step <= 3; step++)
                    Batches.Train(policy, Tiny.Loss, groups, step);
                return;
            }

            // The peak is in the second pass of a step: moments and sums are there, and the next gradients arrive.
            Batches.Train(policy, Tiny.Loss, groups, 1);
            Batches.Accumulate(policy, Tiny.Loss, groups);
            Batches.Accumulate(policy, Tiny.Loss, groups);
        }
    }

    private static TokenGroup[] Groups()
    {
        var rng = new Rng(1);
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => rng.Next(Config.VocabularySize))];
        return [.. Enumerable.Range(0, 2)
            .Select(g => new TokenGroup($"{g}", Tokens(100), [.. new[] { 60, 90, 45, 80 }.Select(n => (ReadOnlyMemory<int>)Tokens(n))],
            new double[] { 4, 3, 2, 1 }, Tokens(50)))];
    }

    /// <summary>Bytes, from a line of /proc/self/status in kB.</summary>
    private static long Status(string name)
    {
        string line = File.ReadLines("/proc/self/status").Single(l => l.StartsWith(name + ":", StringComparison.Ordinal));
        return 1024 * long.Parse(line[(name.Length + 1)..^2], CultureInfo.InvariantCulture);
    }
}
