using Tuna.Models;
using Tuna.Models.Checkpoints;

namespace Tuna.Llama.Managed;

/// <summary>Options of the embedded engine.</summary>
public sealed record ManagedLlamaOptions
{
    /// <summary>Threads that compute, the caller's included; 1 to 1024. Null is one for each processor of this machine. Default
    /// null.</summary>
    /// <remarks>Results have the same bits for the same number of threads.</remarks>
    public int? Threads { get; init; }

    /// <summary>Most memory that a training pass takes to keep the MLPs' gate and up values and logits for backward, in bytes; 0 or more.
    /// Default 72 MiB.</summary>
    /// <remarks>
    /// The first pass after an optimizer step keeps them in the memory of the gradient, which is free until backward, as far as they fit;
    /// this is beside that. What is not kept is computed again: the bits are the same either way. Gate and up values take 8 F bytes per
    /// token row and layer, F the width of the MLP, and logits 4 V bytes per response token, V the vocabulary; either saves D / 2
    /// multiply-adds a byte, D the width of the model, together up to a sixth of a step.
    /// </remarks>
    public long KeptActivationBytes { get; init; } = 72 << 20;

    /// <summary>Which weights new tokens are sampled from: those of the model, or rounded ones at half the memory traffic. Default
    /// <see cref="DecodingPrecision.Exact"/>.</summary>
    /// <remarks>
    /// A copy in bfloat16 takes 2 bytes for each weight of the layers' matrices and of the output embedding, until the policy is disposed.
    /// It follows the weights: after a training step or a restored training state the next call to <see cref="ManagedLlama.Sample"/> makes
    /// it again, and only then. A reward model samples nothing.
    /// </remarks>
    public DecodingPrecision Decoding { get; init; } = DecodingPrecision.Exact;

    /// <summary>Whether few samples at a time are sampled speculatively: some tokens are drafted with a copy of the weights in a byte each,
    /// then checked in one pass of the weights themselves. Default true.</summary>
    /// <remarks>
    /// Tokens, log-probabilities and stops have the same bits either way: the draft decides how many tokens a pass gives, never which. The
    /// copy takes 1 byte for each weight of the layers' matrices and of the output embedding, until the policy is disposed; it is made when
    /// a call may sample enough tokens at so few a time to earn it back, and follows the weights as the other does. Where a copy in
    /// bfloat16 is read there is no draft. Source: Leviathan et al., arXiv 2211.17192, with draws coupled by common noise.
    /// </remarks>
    public bool SpeculativeDecoding { get; init; } = true;

    /// <summary>Seed of fresh weights: all of <see cref="ManagedLlama.Create"/>'s, a reward model's head. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Type in which <see cref="PolicyBase.SaveModel"/> stores the weights: F32, BF16 or F16; null keeps that of the checkpoint or
    /// config. Default null.</summary>
    public TensorDType? SavedType { get; init; }

    /// <summary>Checks every option; an engine does so when it opens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option that is out of range.</exception>
    public void Validate()
    {
        if (Threads is < 1 or > 1024)
            throw new ArgumentOutOfRangeException(nameof(Threads), Threads, $"{nameof(Threads)} must be in [1, 1024].");
        ArgumentOutOfRangeException.ThrowIfNegative(KeptActivationBytes);
        if (!Enum.IsDefined(Decoding))
            throw new ArgumentOutOfRangeException(nameof(Decoding), Decoding, $"{nameof(Decoding)} is exact or in bfloat16.");
        if (SavedType is not (null or TensorDType.F32 or TensorDType.BF16 or TensorDType.F16))
            throw new ArgumentOutOfRangeException(nameof(SavedType), SavedType, "Weights are saved as F32, BF16 or F16.");
    }
}
