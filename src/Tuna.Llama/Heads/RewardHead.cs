using Tuna.Llama.Batches;
using Tuna.Llama.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>A linear head on the last norm's output at a response's last token, [1, D]: one reward per response.</summary>
/// <remarks>r = w . h in single precision whatever the type of h: with eight bits of mantissa close responses would tie.</remarks>
internal sealed class RewardHead(Parameter weight) : IResponseHead
{
    public const string WeightName = "score.weight";

    public string Name => WeightName;

    public HeadRows Reads => HeadRows.LastToken;

    public Tensor? Forward(Tensor hidden, PredictionTable table, Span<double> outputs)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        table.Sum(hidden.to(ScalarType.Float32).matmul(weight.view(-1)).cpu().data<float>().ToArray(), outputs);
        return null;
    }

    public Tensor Backward(Tensor hidden, PredictionTable table, Tensor? kept, ReadOnlySpan<double> gradient, TrainedParameter? trained)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = tensor(table.Spread(gradient).Rows, device: hidden.device).unsqueeze(1); // dL/dr, [U, 1]
        trained?.AccumulateProduct(rows, hidden.to(ScalarType.Float32));
        return scope.MoveToOuter(rows.matmul(weight).to(hidden.dtype));
    }
}
