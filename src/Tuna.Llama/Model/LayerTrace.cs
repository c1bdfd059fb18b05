using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>What a layer keeps between forward and backward. Norms and the gated product are cheap and computed again.</summary>
/// <param name="input">The layer's input, [N, D]; the trace does not own it.</param>
internal sealed class LayerTrace(Tensor input) : IDisposable
{
    /// <summary>The layer's input, [N, D].</summary>
    public Tensor Input { get; } = input;

    /// <summary>Rotated queries and keys, and values, [N, (H + 2K) E].</summary>
    public Tensor? Qkv { get; set; }

    /// <summary>Queries and keys before the norms of their heads, [N H, E] and [N K, E], where there are such norms.</summary>
    public (Tensor Queries, Tensor Keys)? HeadInputs { get; set; }

    /// <summary>Attention's result, [N, H E].</summary>
    public Tensor? Attended { get; set; }

    /// <summary>Log sum exp of each row's scores, [H, N], where attention's backward takes it.</summary>
    public Tensor? LogSums { get; set; }

    /// <summary>Attention's result with autograd's record behind it, where libtorch differentiates it; and its recorded input.</summary>
    public (Tensor Input, Tensor Output)? Recorded { get; set; }

    /// <summary>The input plus attention's share, [N, D].</summary>
    public Tensor? Middle { get; set; }

    /// <summary>Gate and up, [N, 2F]; null where they are computed again.</summary>
    public Tensor? GateUp { get; set; }

    public void Dispose()
    {
        Qkv?.Dispose();
        HeadInputs?.Queries.Dispose();
        HeadInputs?.Keys.Dispose();
        Attended?.Dispose();
        LogSums?.Dispose();
        Recorded?.Input.Dispose();
        Recorded?.Output.Dispose();
        Middle?.Dispose();
        GateUp?.Dispose();
    }
}
