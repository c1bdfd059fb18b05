using Tuna.Cli.Hosting;
using Tuna.Distributed;
using Tuna.Llama;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Training;

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

    /// <summary>Chooses what is kept and what is computed twice for the largest micro-batch, and says what it will take.</summary>
    public static MemoryPlan Plan(EngineChoice choice, string folder, bool rewardModel, IReadOnlyList<TokenGroup> groups,
        TrainerOptions options)
    {
        LlamaConfig config = LlamaConfig.Load(folder);
        config = config with { ScalarHead = config.ScalarHead || rewardModel };
        TensorDType compute = choice.ComputeType ?? (choice.Device == "cpu" ? TensorDType.F32 : TensorDType.BF16);
        (IReadOnlyList<TokenGroup> largest, int passes) = LargestMicroBatch(groups, options);
        TokenGroup longest = largest[0];
        var single = new TokenGroup(longest.Id, longest.Prompt, [longest.Responses.MaxBy(r => r.Length)], new double[1]);
        long budget = choice.MemoryBudget ?? long.MaxValue;
        int layers = config.LayerCount;
        MemoryEstimate Estimate(ActivationMode mode, bool one, int? kept = null) =>
            MemoryEstimate.Of(config, choice.Lora, compute, trainable: true, one ? [single] : largest, mode, choice.Device, choice.Moments,
                passes, choice.BaseWeights, choice.Gradients, kept);

        (_, bool scoreFirst, bool tooLarge) = MemoryEstimate.Choose((mode, one) => Estimate(mode, one), budget);
        int keptLayers = MemoryEstimate.KeptLayers(kept => Estimate(ActivationMode.Auto, scoreFirst, kept), layers, budget);
        string what = scoreFirst ? "response" : largest.Count == 1 ? "group" : $"micro-batch of {largest.Count} groups",
            again = keptLayers == 0 ? "all" : $"{layers - keptLayers} of {layers}",
            twice = keptLayers == layers ? "" : $"; {again} layers are computed twice";
        int tokens = scoreFirst ? single.TokenCount : largest.Sum(g => g.TokenCount);
        string text = $"memory for the largest {what} ({tokens} tokens), estimated: "
            + $"{Estimate(ActivationMode.Auto, scoreFirst, keptLayers)}{twice}";
        if (tooLarge)
            throw new StageException(
                $"--memory-gb is too small: {text}. Use --micro-batch 1, --lora-rank (with --base-weights nf4), --moments "
                + $"8bit, --dtype bfloat16, a smaller --max-length, or more memory.", ExitCodes.Usage);
        return new(choice.MemoryBudget, scoreFirst, text);
    }

    /// <summary>The largest micro-batch that an order of the groups can bring, its largest group first, and how many a step has, 2 for any
    /// number above 1.</summary>
    private static (IReadOnlyList<TokenGroup> Groups, int Passes) LargestMicroBatch(IReadOnlyList<TokenGroup> groups,
        TrainerOptions options)
    {
        int perStep = options.GroupsPerMicroBatch * options.MicroBatchesPerStep;
        List<TokenGroup> ordered = [.. groups.OrderByDescending(g => g.TokenCount)];
        if (options.MicroBatchTokens == 0)
            return ([.. ordered.Take(options.GroupsPerMicroBatch)], Math.Min(2, options.MicroBatchesPerStep));
        long room = options.MicroBatchTokens;
        List<TokenGroup> largest = [];
        foreach (TokenGroup group in ordered)
        {
            if (largest.Count == 0 || (largest.Count < perStep && group.TokenCount <= room))
            {
                largest.Add(group);
                room -= group.TokenCount;
            }
        }

        bool one = ordered.Take(perStep).Sum(g => (long)g.TokenCount) <= options.MicroBatchTokens;
        return (largest, one ? 1 : 2);
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
        MemoryBudget = plan?.Budget,
        Threads = choice.Threads,
        Seed = seed,
    };
}
