using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama;

/// <summary>Log-probabilities of target tokens as a differentiable TorchSharp function that never holds all logits: for people who keep
/// their own training loop.</summary>
public static class ChunkedLogProbs
{
    /// <summary>log p(targets[i] | hidden[i]) = z_t - log sum exp(z), z = hidden W^T, computed a chunk of rows at a time, forward and
    /// backward.</summary>
    /// <param name="hidden">Normalized hidden states of the positions that predict, [M, D].</param>
    /// <param name="weight">Output layer, [V, D], of the same type.</param>
    /// <param name="targets">The tokens they predict, [M], each in [0, V).</param>
    /// <param name="rowsPerChunk">Rows of logits at once, >= 1; null fits the device: 16 MiB of logits on the CPU, 128 MiB on a
    /// GPU.</param>
    /// <returns>Nats, Float32, [M], with gradients to <paramref name="hidden"/> and <paramref name="weight"/>.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or a target is outside the vocabulary.</exception>
    public static Tensor Of(Tensor hidden, Tensor weight, ReadOnlyMemory<int> targets, int? rowsPerChunk = null)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(weight);
        // Checked here: libtorch would end the process on a wrong shape, and so would an exception in backward.
        if (hidden.dim() != 2 || weight.dim() != 2 || hidden.shape[1] != weight.shape[1] || hidden.dtype != weight.dtype
            || hidden.shape[0] != targets.Length || targets.IsEmpty)
            throw new ArgumentException(
                $"hidden is {hidden.dtype} [{string.Join(", ", hidden.shape)}], weight {weight.dtype} [{string.Join(", ", weight.shape)}] "
                + $"and there are {targets.Length} targets; expected [M, D], [V, D] of one type and M targets, M >= 1.");
        if (rowsPerChunk is < 1)
            throw new ArgumentOutOfRangeException(nameof(rowsPerChunk), rowsPerChunk, "A chunk has at least one row.");
        foreach (int target in targets.Span)
        {
            if ((uint)target >= (ulong)weight.shape[0])
                throw new ArgumentException($"Target {target} is outside the vocabulary of {weight.shape[0]}.", nameof(targets));
        }

        return Function.apply(hidden, weight, PredictionTable.OnePerRow(targets.ToArray()), rowsPerChunk
            ?? Heads.VocabularyHead.RowsPerChunk(weight.shape[0], hidden.device));
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        private static PlainOperations Plain => new();

        public override string Name => nameof(ChunkedLogProbs);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            (var hidden, var weight, var table) = ((Tensor)vars[0], (Tensor)vars[1], (PredictionTable)vars[2]);
            float[] values = Heads.VocabularyHead.Forward(hidden, weight, table, Plain, out Tensor logSums, (int)vars[3]);
            ctx.save_for_backward([hidden, weight, logSums]);
            ctx.save_data("table", table);
            ctx.save_data("rows", vars[3]);
            return tensor(values, device: hidden.device);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using DisposeScope scope = NewDisposeScope();
            List<Tensor> saved = ctx.get_saved_variables();
            var table = (PredictionTable)ctx.get_data("table");
            (Tensor hidden, Tensor weight, Tensor logSums) = (saved[0], saved[1], saved[2]);
            double[] gradient = Array.ConvertAll(grad_output.cpu().to(ScalarType.Float32).contiguous().data<float>().ToArray(),
                g => (double)g);
            // The chunks' shares are summed in single precision, whatever the type of the weight.
            Tensor? sum = weight.requires_grad ? zeros(weight.shape, ScalarType.Float32, weight.device) : null;
            Tensor dHidden = Heads.VocabularyHead.Backward(hidden, weight, table, Plain, logSums, gradient, sum is null
                ? null : (dz, h) => TrainedWeight.AddProduct(sum, dz, h), (int)ctx.get_data("rows"));
            return [scope.MoveToOuter(dHidden), sum is null ? null! : scope.MoveToOuter(sum.to(weight.dtype)), null!, null!];
        }
    }
}
