using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>A linear head on the last norm's output at a response's last token, [1, D]: one reward per response.</summary>
/// <remarks>r = w . h in single precision whatever the type of h: with eight bits of mantissa close responses would tie.</remarks>
internal sealed class RewardHead(Weight weight) : IResponseHead
{
    public const string WeightName = "score.weight";

    public string Name => WeightName;

    public HeadRows Reads => HeadRows.LastToken;

    public Tensor? Forward(Tensor hidden, PredictionTable table, Span<double> outputs, Operations operations)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        table.Sum(operations.Link.Read<float>(hidden.to(ScalarType.Float32).matmul(weight.Data.view(-1))), outputs);
        return null;
    }

    public Tensor Backward(Tensor hidden, PredictionTable table, Tensor? kept, ReadOnlySpan<double> gradient, Operations operations)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = operations.Link.Write(table.Spread(gradient).Rows, hidden.device).unsqueeze(1); // dL/dr, [U, 1]
        weight.Trained?.AddProduct(rows, hidden.to(ScalarType.Float32));
        return scope.MoveToOuter(rows.matmul(weight.Data).to(hidden.dtype));
    }
}
