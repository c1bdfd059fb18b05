using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;

namespace Tuna.Llama;

/// <summary>How a <see cref="LlamaPolicy"/> or a <see cref="LlamaRewardModel"/> computes.</summary>
public sealed record LlamaPolicyOptions
{
    /// <summary>Where: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>. Default <c>cpu</c>. The application references the libtorch package for
    /// it.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>The type to compute in, F32 or BF16; null is F32 on the CPU and BF16 on a GPU. Master weights, moments and gradient sums
    /// are F32 in any case. Default null.</summary>
    public TensorDType? ComputeType { get; init; }

    /// <summary>The type that <see cref="PolicyBase.SaveModel"/> stores: F32, BF16 or F16; null keeps the checkpoint's. Default
    /// null.</summary>
    public TensorDType? SavedType { get; init; }

    /// <summary>Whether the policy can be trained. False saves the master weights of a BF16 model. Default true.</summary>
    public bool Trainable { get; init; } = true;

    /// <summary>What a pass holds between forward and backward. Default <see cref="ActivationMode.Auto"/>.</summary>
    public ActivationMode Activations { get; init; }

    /// <summary>Bytes that training may use in all, for <see cref="ActivationMode.Auto"/>; null means that everything is kept. Default
    /// null.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>How AdamW's moments are kept. Default <see cref="MomentPrecision.Full"/>.</summary>
    public MomentPrecision Moments { get; init; }

    /// <summary>What becomes of gradients between backward and the step. Default <see cref="GradientMode.Keep"/>.</summary>
    public GradientMode Gradients { get; init; }

    /// <summary>Low-rank adapters; null trains all weights. Default null.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>
    /// How the layers' projections are kept while adapters alone are trained, or nothing is. In 4 bits a 7B model trains on a GPU of 24 GB;
    /// loading packs a tensor at a time. Saving a merged model writes what the packed weights stand for, not the checkpoint's:
    /// <see cref="LoraOptions.SaveMerged"/> = false keeps the adapter alone, for the exact model. Default
    /// <see cref="WeightPrecision.Full"/>.
    /// </summary>
    public WeightPrecision BaseWeights { get; init; }

    /// <summary>Exceptions from the step's learning rate and weight decay; the first that accepts a name counts. Default none.</summary>
    public IReadOnlyList<ParameterGroup> ParameterGroups { get; init; } = [];

    /// <summary>Seed of fresh weights (adapters, <see cref="LlamaPolicy.Create"/>, a reward model's head) and of dropout. Default
    /// 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Most sequences that are sampled at once, >= 1; the key/value cache holds as many. Default 64.</summary>
    public int MaxSampleBatch { get; init; } = 64;

    /// <summary>Processor threads that libtorch computes with, >= 1: a setting of the whole process, made when the model is opened. Null
    /// leaves it as it is. Default null.</summary>
    public int? Threads { get; init; }

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option that is out of range.</exception>
    /// <exception cref="ArgumentException"><see cref="Device"/> is empty, the adapters' settings do not fit together, or
    /// <see cref="BaseWeights"/> in 4 bits would be trained.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Device);
        if (ComputeType is not (null or TensorDType.F32 or TensorDType.BF16))
            throw new ArgumentOutOfRangeException(nameof(ComputeType), ComputeType,
                $"{nameof(ComputeType)} must be F32 or BF16 (F16 checkpoints are widened).");
        if (SavedType is not (null or TensorDType.F32 or TensorDType.BF16 or TensorDType.F16))
            throw new ArgumentOutOfRangeException(nameof(SavedType), SavedType, $"{nameof(SavedType)} must be F32, BF16 or F16.");
        if (!Enum.IsDefined(Activations))
            throw new ArgumentOutOfRangeException(nameof(Activations), Activations, $"{nameof(Activations)} must be a defined mode.");
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSampleBatch, 1);
        if (MemoryBudget is <= 0)
            throw new ArgumentOutOfRangeException(nameof(MemoryBudget), MemoryBudget, $"{nameof(MemoryBudget)} must be > 0.");
        if (Threads is < 1)
            throw new ArgumentOutOfRangeException(nameof(Threads), Threads, $"{nameof(Threads)} must be >= 1.");
        if (!Enum.IsDefined(Moments))
            throw new ArgumentOutOfRangeException(nameof(Moments), Moments,
                $"{nameof(Moments)} must be {MomentPrecision.Full} or {MomentPrecision.EightBit}.");
        if (!Enum.IsDefined(Gradients))
            throw new ArgumentOutOfRangeException(nameof(Gradients), Gradients,
                $"{nameof(Gradients)} must be {GradientMode.Keep} or {GradientMode.Recompute}.");
        if (!Enum.IsDefined(BaseWeights))
            throw new ArgumentOutOfRangeException(nameof(BaseWeights), BaseWeights,
                $"{nameof(BaseWeights)} must be {WeightPrecision.Full} or {WeightPrecision.Nf4}.");
        if (BaseWeights != WeightPrecision.Full && Trainable && Lora is null)
            throw new ArgumentException(
                $"Weights in 4 bits are not trained: {nameof(BaseWeights)} = {BaseWeights} needs {nameof(Lora)}, or {nameof(Trainable)} = "
                + $"false.");
        ArgumentNullException.ThrowIfNull(ParameterGroups);
        Lora?.Validate();
    }
}
