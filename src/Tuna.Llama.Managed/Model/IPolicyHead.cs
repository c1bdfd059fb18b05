using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Model;

/// <summary>What turns the trunk's output into one number per response.</summary>
internal interface IPolicyHead : IDisposable
{
    /// <summary>Which rows the head reads.</summary>
    HeadRows Reads { get; }

    /// <summary>Computes the outputs.</summary>
    /// <param name="layout">The batch.</param>
    /// <param name="hidden">The trunk's output, [N, D]; the head may rearrange it.</param>
    /// <param name="keep">Whether <see cref="Backward"/> may follow.</param>
    /// <param name="outputs">Receives a number for each response of the layout, at its index, [R].</param>
    void Forward(BatchLayout layout, in Matrix hidden, bool keep, Span<double> outputs);

    /// <summary>Accumulates the gradients of the head's parameters and computes that of the hidden states. Follows <see cref="Forward"/>.</summary>
    /// <param name="layout">The responses with a gradient.</param>
    /// <param name="hidden">The trunk's output as <see cref="Forward"/> left it.</param>
    /// <param name="kept">The forward pass's row of each row of the layout, [N].</param>
    /// <param name="gradient">dL/d(output), [R].</param>
    /// <param name="dHidden">Receives the gradient of the trunk's output for this layout, [N, D].</param>
    void Backward(BatchLayout layout, in Matrix hidden, ReadOnlySpan<int> kept, ReadOnlySpan<double> gradient, in Matrix dHidden);
}
