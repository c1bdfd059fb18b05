namespace Tuna.Llama;

/// <summary>What a policy computes with beside libtorch's plain operations, and why it goes without the rest. The results are the same up
/// to rounding; the speed and the memory are not.</summary>
/// <param name="Kernels">Whether Tuna's CUDA kernels run, which NVRTC compiles when the policy is opened: norms, rotary embedding, SwiGLU,
/// log-probabilities, AdamW, decoding.</param>
/// <param name="FlashAttention">Whether attention over sequences of all lengths is libtorch's FlashAttention, without padding: a GPU, BF16,
/// heads of a multiple of 8 up to 256.</param>
/// <param name="Reason">Why one of them is missing on a GPU; null where both run, and on the CPU, which has neither.</param>
public sealed record Acceleration(bool Kernels, bool FlashAttention, string? Reason)
{
    /// <summary>One line for a log.</summary>
    public override string ToString() => (Kernels, FlashAttention) switch
    {
        (true, true) => "CUDA kernels and FlashAttention",
        (true, false) => $"CUDA kernels, no FlashAttention{Because}",
        (false, true) => $"FlashAttention, no CUDA kernels{Because}",
        _ => $"libtorch's plain operations{Because}",
    };

    private string Because => Reason is null ? "" : $" ({Reason})";
}
