using Tuna.Llama;
using Tuna.Llama.Lora;
using Tuna.Llama.Managed;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Cli.Models;

/// <summary>The engine of a command, and how it computes. The one place that knows both engines.</summary>
internal sealed record EngineChoice
{
    /// <summary>TorchSharp, or the embedded engine.</summary>
    public bool IsTorch { get; init; }

    /// <summary>Threads; null is libtorch's own choice.</summary>
    public int? Threads { get; init; }

    /// <summary>cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>The type to compute in, or null for the device's.</summary>
    public TensorDType? ComputeType { get; init; }

    /// <summary>The type of stored weights.</summary>
    public TensorDType SavedType { get; init; } = TensorDType.F32;

    /// <summary>A folder with libtorch, or null.</summary>
    public string? Libtorch { get; init; }

    /// <summary>Bytes to train within, or null.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Adapters, or null to train all weights.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>How weights that are not trained are kept.</summary>
    public WeightPrecision BaseWeights { get; init; }

    /// <summary>How AdamW's moments are kept.</summary>
    public MomentPrecision Moments { get; init; }

    /// <summary>What becomes of gradients between backward and the step.</summary>
    public GradientMode Gradients { get; init; }

    /// <summary>Whether it computes on a GPU.</summary>
    public bool IsGpu => IsTorch && Device != "cpu";

    /// <summary>As a person says it.</summary>
    public string Name => IsTorch ? $"TorchSharp on {Device}" : "the embedded engine";

    /// <summary>Loads a policy.</summary>
    /// <param name="folder">The Hugging Face folder.</param>
    /// <param name="seed">Seed of fresh weights (adapters) and of dropout.</param>
    /// <param name="trainable">Whether it is to be trained.</param>
    /// <param name="plan">How a training pass uses memory, or null.</param>
    public ITrainablePolicy LoadPolicy(string folder, ulong seed = 0, bool trainable = false, MemoryPlan? plan = null) => IsTorch
        ? TorchEngine.LoadPolicy(this, folder, seed, trainable, plan)
        : ManagedLlama.Load(folder, ManagedOptions(seed));

    /// <summary>Loads a reward model, or a policy to become one.</summary>
    /// <inheritdoc cref="LoadPolicy"/>
    public ITrainableScorer LoadRewardModel(string folder, ulong seed = 0, bool trainable = false, MemoryPlan? plan = null) => IsTorch
        ? TorchEngine.LoadRewardModel(this, folder, seed, trainable, plan)
        : ManagedRewardModel.Load(folder, ManagedOptions(seed));

    /// <summary>Plans a training pass within the budget; null where the engine has nothing to plan.</summary>
    public MemoryPlan? Plan(string folder, bool rewardModel, IReadOnlyList<TokenGroup> groups, TrainerOptions options) =>
        IsTorch ? TorchEngine.Plan(this, folder, rewardModel, groups, options) : null;

    /// <summary>Writes the adapter alone beside the merged model, where there is one.</summary>
    public void SaveAdapter(ITrainableScorer model, string folder, string baseModel)
    {
        if (IsTorch && Lora is not null)
            TorchEngine.SaveAdapter(model, folder, baseModel);
    }

    private ManagedLlamaOptions ManagedOptions(ulong seed) => new()
    {
        Seed = seed,
        Threads = Threads,
        SavedType = SavedType,
    };
}

/// <summary>How a training pass uses memory.</summary>
/// <param name="Budget">Bytes to train within, which decide for each micro-batch which layers are computed again; null keeps all.</param>
/// <param name="ScoreFirst">Whether responses are scored first and passed one at a time.</param>
/// <param name="Text">The estimate, for people.</param>
internal sealed record MemoryPlan(long? Budget, bool ScoreFirst, string Text);
