using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

public class RuntimeTests
{
    [Theory]
    [InlineData("cpu", DeviceType.CPU, 0)]
    [InlineData("cuda", DeviceType.CUDA, 0)]
    [InlineData("cuda:3", DeviceType.CUDA, 3)]
    public void Parse_Devices(string text, DeviceType type, int index) => Assert.Equal((type, index), TorchRuntime.Parse(text));

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    public void OpenDevice_UnknownDevice_ListsThem(string text) =>
        Assert.Contains("cuda:N", Assert.Throws<ArgumentException>(() => TorchRuntime.OpenDevice(text)).Message, StringComparison.Ordinal);

    [SkippableFact]
    public void OpenDevice_CudaWithoutAGpu_NamesThePackageAndTheDriver()
    {
        Skip.If(torch.cuda.is_available(), "There is a GPU here.");
        Assert.Contains("TorchSharp-cuda-linux",
            Assert.Throws<TorchUnavailableException>(() => LlamaPolicy.Create(Tiny.Config, new() { Device = "cuda" })).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TensorDType.F32, false)]
    [InlineData(TensorDType.BF16, false)]
    [InlineData(TensorDType.F32, true)]
    [InlineData(TensorDType.BF16, true)]
    public void EstimateMemory_WeightsAndOptimizer_AreWhatIsAllocated(TensorDType type, bool lora)
    {
        using LlamaPolicy policy = Tiny.Policy(new() { ComputeType = type, Lora = lora ? Tiny.Lora : null });
        TokenGroup[] groups = Batches.Random(2, 3, 97);
        Batches.Train(policy, Tiny.Loss, groups, 1);
        Batches.Accumulate(policy, Tiny.Loss, groups);
        using var folder = new Tuna.Testing.TempFolder();
        policy.SaveTrainingState(folder.Root);
        MemoryEstimate estimate = policy.EstimateMemory(groups, ActivationMode.Keep);
        Assert.Equal(policy.Model.parameters().Sum(p => p.numel() * p.ElementSize), estimate.Weights);
        using SafetensorsFile state = SafetensorsFile.Open(folder["torch_training_state.safetensors"]);
        Assert.Equal(state.Tensors.Values.Where(t => t.Name.StartsWith("exp_avg", StringComparison.Ordinal)).Sum(t => t.ByteLength),
            estimate.Moments);
        Assert.Equal(state.Tensors.Values.Where(t => t.Name.StartsWith("gradient", StringComparison.Ordinal)).Sum(t => t.ByteLength),
            estimate.Gradients);
        Assert.Equal(type == TensorDType.F32 ? 0 : estimate.Gradients, estimate.Masters);
        Assert.Contains("MB", estimate.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("0.30 GB: weights 0.20, ", new MemoryEstimate(200_000_000, 0, 0, 0, 100_000_000, 0).ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void EstimateMemory_Recompute_TakesLessThanKeep()
    {
        using LlamaPolicy policy = Tiny.Policy();
        TokenGroup[] groups = Batches.Random(8, 4, 97);
        Assert.True(policy.EstimateMemory(groups, ActivationMode.Recompute).Activations < policy.EstimateMemory(groups,
            ActivationMode.Keep).Activations);
    }

    [Fact]
    public void Choose_ByBudget_KeepsThenRecomputesThenScoresFirst()
    {
        MemoryEstimate Of(ActivationMode mode, bool single) =>
            new(0, 0, 0, 0, (mode, single) switch { (ActivationMode.Keep, _) => 100, (_, false) => 50, _ => 20 }, 0);
        Assert.Equal((ActivationMode.Keep, false, false), MemoryEstimate.Choose(Of, 100));
        Assert.Equal((ActivationMode.Recompute, false, false), MemoryEstimate.Choose(Of, 99));
        Assert.Equal((ActivationMode.Recompute, true, false), MemoryEstimate.Choose(Of, 49));
        Assert.Equal((ActivationMode.Recompute, true, true), MemoryEstimate.Choose(Of, 19));
    }
}
