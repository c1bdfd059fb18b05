using Tuna.Llama.Batches;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>Log-probabilities of given tokens and their gradient, a few rows of logits at a time: no [tokens, vocabulary] tensor outlives
/// its chunk.</summary>
/// <remarks>
/// log p(t | row) = z_t - log sum exp(z), z = h W^T. Backward recomputes the chunk's logits: dz = g (onehot(t) - softmax(z)), dh = dz W, dW
/// += dz^T h. The sums over the vocabulary are in single precision whatever the type of h.
/// </remarks>
internal static class VocabularyHead
{
    /// <summary>Bytes of single-precision logits that a chunk has at most. On the CPU it should stay in the caches, and below the size that
    /// the allocator gives back to the system after every use.</summary>
    public static long ChunkBytes(DeviceType device) => (device == DeviceType.CPU ? 16L : 128L) << 20;

    public static int RowsPerChunk(long vocabulary, Device device) => (int)Math.Max(1, ChunkBytes(device.type) / (4 * vocabulary));

    /// <summary>Forward.</summary>
    /// <param name="hidden">Normalized hidden states of the rows that predict, [U, D].</param>
    /// <param name="weight">Output layer, [V, D].</param>
    /// <param name="table">Which row predicts what.</param>
    /// <param name="operations">How to compute.</param>
    /// <param name="logSums">Receives log sum exp of every row's logits, [U]: what backward needs.</param>
    /// <param name="rowsPerChunk">Rows of logits at once; null fits the device.</param>
    /// <returns>Log-probability of every pair, nats, [E].</returns>
    public static float[] Forward(Tensor hidden, Tensor weight, PredictionTable table, Operations operations, out Tensor logSums,
        int? rowsPerChunk = null)
    {
        using IDisposable mode = no_grad();
        using DisposeScope outer = NewDisposeScope();
        logSums = outer.MoveToOuter(empty([table.Rows.Length], ScalarType.Float32, hidden.device));
        Tensor values = empty([table.EntryRows.Length], ScalarType.Float32, hidden.device);
        foreach (Chunk chunk in Chunks(table, rowsPerChunk ?? RowsPerChunk(weight.shape[0], hidden.device), hidden.device,
            operations.Link))
        {
            using DisposeScope scope = NewDisposeScope();
            operations.LogProbs(Logits(hidden, weight, chunk), chunk.Pairs, logSums.narrow(0, chunk.Row, chunk.RowCount), values);
        }

        return operations.Link.Read<float>(values);
    }

    /// <summary>Backward.</summary>
    /// <param name="hidden">As in forward.</param>
    /// <param name="weight">As in forward.</param>
    /// <param name="table">As in forward.</param>
    /// <param name="operations">As in forward.</param>
    /// <param name="logSums">From forward.</param>
    /// <param name="gradient">dL/d(log-probability) of every response, [R].</param>
    /// <param name="weightGradient">Receives each chunk's dz, [u, V], and h, [u, D], whose product dz^T h is to be added to dL/dW; null
    /// when W is frozen.</param>
    /// <param name="rowsPerChunk">As in forward.</param>
    /// <returns>dL/dh, [U, D].</returns>
    public static Tensor Backward(
        Tensor hidden, Tensor weight, PredictionTable table, Operations operations, Tensor logSums, ReadOnlySpan<double> gradient,
            Action<Tensor, Tensor>? weightGradient, int? rowsPerChunk = null)
    {
        using IDisposable mode = no_grad();
        using DisposeScope outer = NewDisposeScope();
        (float[] entries, float[] rows) = table.Spread(gradient);
        Tensor result = outer.MoveToOuter(empty_like(hidden));
        Tensor entryGradients = operations.Link.Write(entries, hidden.device),
            rowGradients = operations.Link.Write(rows, hidden.device);
        foreach (Chunk chunk in Chunks(table, rowsPerChunk ?? RowsPerChunk(weight.shape[0], hidden.device), hidden.device,
            operations.Link))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor dz = operations.LogProbsBackward(
                Logits(hidden, weight, chunk), chunk.Pairs, logSums.narrow(0, chunk.Row, chunk.RowCount), entryGradients,
                    rowGradients.narrow(0, chunk.Row, chunk.RowCount));
            result.narrow(0, chunk.Row, chunk.RowCount).copy_(dz.matmul(weight));
            weightGradient?.Invoke(dz, hidden.narrow(0, chunk.Row, chunk.RowCount));
        }

        return result;
    }

    private static Tensor Logits(Tensor hidden, Tensor weight, Chunk chunk) =>
        hidden.narrow(0, chunk.Row, chunk.RowCount).matmul(weight.t());

    // What says which row predicts what crosses to the device once, not a chunk at a time; the enclosing scope frees it.
    private static IEnumerable<Chunk> Chunks(PredictionTable table, int size, Device device, HostLink link)
    {
        var starts = new int[table.Rows.Length + 1];
        foreach (int row in table.EntryRows)
            starts[row + 1]++;
        for (int row = 0; row < table.Rows.Length; row++)
            starts[row + 1] += starts[row];
        long[] local = Array.ConvertAll(table.EntryRows, row => (long)(row % size));
        using Tensor bounds = link.Write(starts, device).DetachFromDisposeScope(),
            tokens = link.Write(table.EntryTokens, device).DetachFromDisposeScope();
        using Tensor rows = link.Write(local, device).DetachFromDisposeScope();
        for (int row = 0; row < table.Rows.Length; row += size)
        {
            int end = Math.Min(row + size, table.Rows.Length);
            using Tensor own = bounds.narrow(0, row, end - row + 1).DetachFromDisposeScope(),
                pairs = rows.narrow(0, starts[row], starts[end] - starts[row]).DetachFromDisposeScope();
            yield return new Chunk(row, end - row, new PairRows(own, tokens, starts[row], pairs));
        }
    }

    private readonly record struct Chunk(int Row, int RowCount, PairRows Pairs);
}
