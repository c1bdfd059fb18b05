using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>What turns the backbone's output into one number per response.</summary>
internal interface IResponseHead
{
    /// <summary>Checkpoint name of its weight.</summary>
    string Name { get; }

    /// <summary>Which rows it reads.</summary>
    HeadRows Reads { get; }

    /// <summary>Computes the outputs.</summary>
    /// <param name="hidden">Normalized hidden states of the rows that it reads, [U, D].</param>
    /// <param name="table">What each row is read for.</param>
    /// <param name="outputs">Receives a number for each response of the batch, [R].</param>
    /// <param name="operations">How to compute.</param>
    /// <returns>What backward needs beside the hidden states, [U], or null.</returns>
    Tensor? Forward(Tensor hidden, PredictionTable table, Span<double> outputs, Operations operations);

    /// <summary>Accumulates the gradient of its weight and computes that of the hidden states.</summary>
    /// <param name="hidden">As in <see cref="Forward"/>.</param>
    /// <param name="table">As in <see cref="Forward"/>.</param>
    /// <param name="kept">What <see cref="Forward"/> returned.</param>
    /// <param name="gradient">dL/d(output) of every response, [R].</param>
    /// <param name="operations">How to compute.</param>
    /// <returns>dL/d(hidden), [U, D].</returns>
    Tensor Backward(Tensor hidden, PredictionTable table, Tensor? kept, ReadOnlySpan<double> gradient, Operations operations);
}
