using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Model;

/// <summary>What turns the trunk's output into one number per response.</summary>
internal interface IPolicyHead
{
    /// <summary>Which rows the head reads.</summary>
    HeadRows Reads { get; }

    /// <summary>Whether each row that it reads has logits, of which <see cref="KeptValues"/> may keep some.</summary>
    bool HasLogits { get; }

    /// <summary>Whether <see cref="Backward"/> gives the gradient of the input embedding as well, being tied to it.</summary>
    bool WritesEmbedding { get; }

    /// <summary>Computes the outputs.</summary>
    /// <param name="layout">The batch.</param>
    /// <param name="hidden">The trunk's output at <see cref="BatchLayout.HeadRows"/>, [U, D].</param>
    /// <param name="keep">Whether <see cref="Backward"/> may follow.</param>
    /// <param name="outputs">Receives a number for each response of the layout, at its index, [R].</param>
    void Forward(BatchLayout layout, in Matrix hidden, bool keep, Span<double> outputs);

    /// <summary>Computes the gradients of the head's parameters and of the hidden states. Follows <see cref="Forward"/>.</summary>
    /// <param name="layout">The responses with a gradient.</param>
    /// <param name="hidden">The trunk's output of the forward pass; the head may move its rows.</param>
    /// <param name="kept">The row of <paramref name="hidden"/> of each of the layout's head rows, increasing, [U].</param>
    /// <param name="gradient">dL/d(output), [R].</param>
    /// <param name="dHidden">Receives the gradient of the trunk's output for this layout, [U, D].</param>
    /// <param name="update">Whether to add to the parameters' gradients or to overwrite them.</param>
    void Backward(BatchLayout layout, in Matrix hidden, ReadOnlySpan<int> kept, ReadOnlySpan<double> gradient, in Matrix dHidden,
        Update update);
}
