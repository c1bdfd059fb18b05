using Tuna.Cli.Hosting;
using Tuna.Distributed;
using Tuna.Llama;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Cli.Models;

/// <summary>The TorchSharp engine. Nothing here runs before a command asks for it, so that TorchSharp is not loaded in vain.</summary>
internal static class TorchEngine
{
    /// <summary>A folder with libtorch, where --libtorch names none.</summary>
    public const string Variable = "TUNA_LIBTORCH";

    private const string HowTo =
        "The program brings no libtorch. Get one with `dotnet add package libtorch-cpu-linux-x64 --version " + TorchRuntime.LibtorchVersion
            + "` in any project (or the package for your system; TorchSharp-cuda-linux "
        + TorchRuntime.PackageVersion + " for NVIDIA GPUs), or with `pip install torch==" + TorchRuntime.LibtorchVersion
            + "`, and name its folder with --libtorch or " + Variable
        + ". From the sources: `dotnet run --project src/Tuna.Cli -c Release -p:Libtorch=cpu` (cuda-linux, cuda-windows). Without "
            + "--engine torch the embedded engine computes, which needs none.";

    private const string OtherDevice =
        "With --libtorch or " + Variable + " the program takes another libtorch, for GPUs the package TorchSharp-cuda-linux "
            + TorchRuntime.PackageVersion + " or a PyTorch " + TorchRuntime.LibtorchVersion
        + " with CUDA. With --device cpu it computes here as it is.";

    public static ITrainablePolicy LoadPolicy(EngineChoice choice, string folder, ulong seed, bool trainable, MemoryPlan? plan)
    {
        Open(choice);
        return LlamaPolicy.Load(folder, Options(choice, seed, trainable, plan));
    }

    public static ITrainableScorer LoadRewardModel(EngineChoice choice, string folder, ulong seed, bool trainable, MemoryPlan? plan)
    {
        Open(choice);
        return LlamaRewardModel.Load(folder, Options(choice, seed, trainable, plan));
    }

    public static void SaveAdapter(ITrainableScorer model, string folder, string baseModel) =>
        ((TorchPolicy)model).SaveAdapter(folder, baseModel);

    /// <summary>Chooses what is kept and what is computed twice for the largest group, and says what it will take.</summary>
    public static MemoryPlan Plan(EngineChoice choice, string folder, bool rewardModel, IReadOnlyList<TokenGroup> groups)
    {
        LlamaConfig config = LlamaConfig.Load(folder);
        config = config with { ScalarHead = config.ScalarHead || rewardModel };
        TensorDType compute = choice.ComputeType ?? (choice.Device == "cpu" ? TensorDType.F32 : TensorDType.BF16);
        TokenGroup largest = groups.MaxBy(g => g.TokenCount)!;
        var single = new TokenGroup(largest.Id, largest.Prompt, [largest.Responses.MaxBy(r => r.Length)], new double[1]);
        MemoryEstimate Estimate(ActivationMode mode, bool one) =>
            MemoryEstimate.Of(config, choice.Lora, compute, trainable: true, [one ? single : largest], mode, choice.Device, choice.Moments,
            baseWeights: choice.BaseWeights);

        (ActivationMode mode, bool scoreFirst, bool tooLarge) = MemoryEstimate.Choose(Estimate, choice.MemoryBudget ?? long.MaxValue);
        string text = $"memory for the largest group ({largest.TokenCount} tokens), estimated: {Estimate(mode, scoreFirst)}";
        if (tooLarge)
            throw new StageException(
                $"--memory-gb is too small: {text}, with everything computed twice. Use --lora-rank (with --base-weights nf4), --moments "
                + $"8bit, --dtype bfloat16, a smaller --max-length, or more memory.", ExitCodes.Usage);
        return new(mode == ActivationMode.Recompute, scoreFirst, text);
    }

    // libtorch first: TorchSharp would look for it by itself, elsewhere.
    private static void Open(EngineChoice choice)
    {
        if (choice.Device == "cuda" && MpiProcessGroup.LaunchedLocalSize > 1)
            MpiProcessGroup.SeeOwnGpu();
        bool loaded = false;
        try
        {
            if (choice.Libtorch is { } folder)
                TorchRuntime.UseLibtorch(folder);
            else
                TorchRuntime.Load();
            loaded = true;
            TorchRuntime.OpenDevice(choice.Device);
        }
        catch (TorchUnavailableException e)
        {
            string asked = loaded ? $"--device {choice.Device}" : "--engine torch";
            throw new StageException($"{asked} cannot be used: {e.Message}{Environment.NewLine}{(loaded ? OtherDevice : HowTo)}", inner: e);
        }
    }

    private static LlamaPolicyOptions Options(EngineChoice choice, ulong seed, bool trainable, MemoryPlan? plan) => new()
    {
        Device = choice.Device,
        ComputeType = choice.ComputeType,
        SavedType = choice.SavedType,
        Trainable = trainable,
        Lora = trainable ? choice.Lora : null,
        BaseWeights = choice.BaseWeights,
        Moments = choice.Moments,
        Gradients = choice.Gradients,
        Activations = plan is { Recompute: true } ? ActivationMode.Recompute : ActivationMode.Keep,
        Threads = choice.Threads,
        Seed = seed,
    };
}
