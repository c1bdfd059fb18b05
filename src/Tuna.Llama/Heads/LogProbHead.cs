using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>The output layer of a language model, [V, D]: log-probabilities of the responses.</summary>
internal sealed class LogProbHead(string name, Weight weight) : IResponseHead
{
    public string Name => name;

    public HeadRows Reads => HeadRows.Predicting;

    public Tensor? Forward(Tensor hidden, PredictionTable table, Span<double> outputs, Operations operations)
    {
        table.Sum(VocabularyHead.Forward(hidden, weight.Data, table, operations, out Tensor logSums), outputs);
        return logSums;
    }

    // Chunks add their shares to one sum, in single precision from the first on.
    public Tensor Backward(Tensor hidden, PredictionTable table, Tensor? kept, ReadOnlySpan<double> gradient, Operations operations) =>
        VocabularyHead.Backward(hidden, weight.Data, table, operations, kept!, gradient, weight.Trained is not { } trained
            ? null : (dz, h) => trained.AddShare(dz, h));
}
