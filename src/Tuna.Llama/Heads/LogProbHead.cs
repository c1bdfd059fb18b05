using Tuna.Llama.Batches;
using Tuna.Llama.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>The output layer of a language model, [V, D]: log-probabilities of the responses.</summary>
internal sealed class LogProbHead(string name, Parameter weight) : IResponseHead
{
    public string Name => name;

    public HeadRows Reads => HeadRows.Predicting;

    public Tensor? Forward(Tensor hidden, PredictionTable table, Span<double> outputs)
    {
        table.Sum(VocabularyHead.Forward(hidden, weight, table, out Tensor logSums), outputs);
        return logSums;
    }

    public Tensor Backward(Tensor hidden, PredictionTable table, Tensor? kept, ReadOnlySpan<double> gradient, TrainedParameter? trained) =>
        VocabularyHead.Backward(hidden, weight, table, kept!, gradient, trained is null ? null : trained.AccumulateProduct);
}
