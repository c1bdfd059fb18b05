using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;

namespace Tuna.Llama;

/// <summary>How a <see cref="LlamaPolicy"/> or a <see cref="LlamaRewardModel"/> computes.</summary>
public sealed record LlamaPolicyOptions
{
    /// <summary>Where: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>. Default <c>cpu</c>. The application references the libtorch package for it.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>The type to compute in, F32 or BF16; null is F32 on the CPU and BF16 on a GPU. Master weights, moments and gradient sums are F32 in any case. Default null.</summary>
    public TensorDType? ComputeType { get; init; }

    /// <summary>The type that <see cref="TorchPolicy.SaveModel"/> stores: F32, BF16 or F16; null keeps the checkpoint's. Default null.</summary>
    public TensorDType? SaveType { get; init; }

    /// <summary>Whether the policy can be trained. False saves the master weights of a BF16 model. Default true.</summary>
    public bool Trainable { get; init; } = true;

    /// <summary>What a pass holds between forward and backward. Default <see cref="ActivationMode.Auto"/>.</summary>
    public ActivationMode Activations { get; init; }

    /// <summary>Bytes that training may use in all, for <see cref="ActivationMode.Auto"/>; null means that everything is kept. Default null.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>How AdamW's moments are kept. Default <see cref="MomentPrecision.Full"/>.</summary>
    public MomentPrecision Moments { get; init; }

    /// <summary>Low-rank adapters; null trains all weights. Default null.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>Exceptions from the step's learning rate and weight decay; the first that accepts a name counts. Default none.</summary>
    public IReadOnlyList<ParameterGroup> ParameterGroups { get; init; } = [];

    /// <summary>Seed of fresh weights (adapters, <see cref="LlamaPolicy.Create"/>, a reward model's head) and of dropout. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Most sequences that are sampled at once, >= 1; the key/value cache holds as many. Default 64.</summary>
    public int MaxSampleBatch { get; init; } = 64;

    internal LlamaPolicyOptions Validated()
    {
        ArgumentException.ThrowIfNullOrEmpty(Device);
        if (ComputeType is not (null or TensorDType.F32 or TensorDType.BF16))
            throw new ArgumentException($"{nameof(ComputeType)} is {ComputeType}; it must be F32 or BF16 (F16 checkpoints are widened).");
        if (SaveType is not (null or TensorDType.F32 or TensorDType.BF16 or TensorDType.F16))
            throw new ArgumentException($"{nameof(SaveType)} is {SaveType}; it must be F32, BF16 or F16.");
        if (MaxSampleBatch < 1)
            throw new ArgumentException($"{nameof(MaxSampleBatch)} is {MaxSampleBatch}; it must be >= 1.");
        if (MemoryBudget is <= 0)
            throw new ArgumentException($"{nameof(MemoryBudget)} is {MemoryBudget}; it must be > 0.");
        if (!Enum.IsDefined(Moments))
            throw new ArgumentException($"{nameof(Moments)} is {Moments}; it must be {MomentPrecision.Full} or {MomentPrecision.EightBit}.");
        ArgumentNullException.ThrowIfNull(ParameterGroups);
        Lora?.Validated();
        return this;
    }
}
