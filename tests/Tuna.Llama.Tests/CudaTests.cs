using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tests.Golden;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>The same numbers on a GPU. Skipped where there is none.</summary>
[Trait("Category", "Gpu")]
public class CudaTests
{
    private static void RequireGpu() =>
        Skip.IfNot(torch.cuda.is_available(), "Needs an NVIDIA GPU and TorchSharp-cuda-linux or TorchSharp-cuda-windows.");

    [SkippableTheory]
    [InlineData("llama1_mha", "paper")]
    [InlineData("llama3_gqa", "released")]
    public void Train_OnCuda_FollowsTheGoldenLosses(string model, string convention)
    {
        RequireGpu();
        using LlamaPolicy policy = GoldenModels.Load(model, new() { Device = "cuda", ComputeType = TensorDType.F32 });
        var run = new GoldenRun(model, convention);
        double[] expected = [.. run.Golden.GetProperty("losses_before_each_step_then_after_the_last").EnumerateArray()
            .Select(l => l.GetDouble())];
        for (int step = 0; step < expected.Length; step++)
        {
            GoldenModels.AssertClose(expected[step], run.Pass(policy, out _), 1e-3 * Math.Max(1, Math.Abs(expected[step])),
                $"loss before step {step + 1}");
            policy.ApplyGradients(run.Step(step + 1));
        }
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_OnCuda_AreThoseOfTheCpu(bool queryKeyNorm)
    {
        RequireGpu();
        TokenGroup[] groups = Batches.Random(3, 4, 97);
        Dictionary<string, float[]> Run(string device)
        {
            using LlamaPolicy policy =
                LlamaPolicy.Create(Tiny.Config with { QueryKeyNorm = queryKeyNorm },
                new() { Device = device, ComputeType = TensorDType.F32, Activations = ActivationMode.Recompute });
            Batches.Accumulate(policy, Tiny.Loss, groups);
            return Tiny.Gradients(policy);
        }

        Tiny.AssertClose(Run("cpu"), Run("cuda"), 1e-3);
    }

    [SkippableFact]
    public void Sample_OnCuda_IsGreedyLikeTheCpu()
    {
        RequireGpu();
        SamplingRequest request = new() { Prompt = new[] { 1, 5, 9 }, MaxNewTokens = 8, Temperature = 0 };
        using LlamaPolicy cpu = Tiny.Policy(), cuda = Tiny.Policy(new() { Device = "cuda", ComputeType = TensorDType.F32 });
        Assert.Equal(cpu.Sample([request])[0][0].Tokens, cuda.Sample([request])[0][0].Tokens);
    }

    [SkippableTheory]
    [InlineData(TensorDType.F32, false)]
    [InlineData(TensorDType.BF16, true)]
    public void RewardModel_OnCuda_HasTheRewardsAndGradientsOfTheCpu(TensorDType type, bool lora)
    {
        RequireGpu();
        TokenGroup[] groups = Batches.Random(3, 4, 97);
        Dictionary<string, float[]> Run(string device, out double[] rewards)
        {
            using LlamaRewardModel model = LlamaRewardModel.Create(Tiny.Config, new()
            {
                Device = device,
                ComputeType = type,
                Lora = lora ? Tiny.Lora with { Dropout = 0.2 } : null,
            });
            rewards = new double[15];
            model.Score(groups, rewards);
            Batches.Accumulate(model, new Tuna.Losses.PairwiseLogisticLoss(), groups);
            return Tiny.Gradients(model);
        }

        double tolerance = type == TensorDType.F32 ? 1e-3 : 0.1;
        Dictionary<string, float[]> cpu = Run("cpu", out double[] expected), cuda = Run("cuda", out double[] actual);
        double largest = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), r => Assert.Equal(r.First, r.Second, tolerance * largest));
        Tiny.AssertClose(cpu, cuda, tolerance);
    }

    [SkippableFact]
    public void Train_WithDropoutOnCuda_RecomputesTheSameMasks()
    {
        RequireGpu();
        TokenGroup[] groups = Batches.Random(3, 4, 97);
        Dictionary<string, float[]> Run(ActivationMode mode)
        {
            using LlamaPolicy policy = Tiny.Policy(new()
            {
                Device = "cuda",
                ComputeType = TensorDType.F32,
                Activations = mode,
                Lora = Tiny.Lora with { Dropout = 0.4 },
            });
            Batches.Train(policy, Tiny.Loss, groups, 1, 1e-2);
            Batches.Accumulate(policy, Tiny.Loss, groups);
            return Tiny.Gradients(policy);
        }

        Tiny.AssertClose(Run(ActivationMode.Keep), Run(ActivationMode.Recompute), 5e-3);
    }
}
