using Tuna.Llama.Batches;
using static TorchSharp.torch;

namespace Tuna.Llama.Heads;

/// <summary>Log-probabilities of given tokens and their gradient, a few rows of logits at a time: no [tokens, vocabulary] tensor outlives its chunk.</summary>
/// <remarks>
/// log p(t | row) = z_t - log sum exp(z), z = h W^T. Backward recomputes the chunk's logits: dz = g (onehot(t) - softmax(z)), dh = dz W, dW += dz^T h.
/// The sums over the vocabulary are in single precision whatever the type of h.
/// </remarks>
internal static class VocabularyHead
{
    /// <summary>Bytes of single-precision logits that a chunk has at most. On the CPU it should stay in the caches, and below the size that the allocator gives back to the system after every use.</summary>
    public static long ChunkBytes(DeviceType device) => (device == DeviceType.CPU ? 16L : 128L) << 20;

    public static int RowsPerChunk(long vocabulary, Device device) => (int)Math.Max(1, ChunkBytes(device.type) / (4 * vocabulary));

    /// <summary>Forward.</summary>
    /// <param name="hidden">Normalized hidden states of the rows that predict, [U, D].</param>
    /// <param name="weight">Output layer, [V, D].</param>
    /// <param name="table">Which row predicts what.</param>
    /// <param name="rowsPerChunk">Rows of logits at once; null fits the device.</param>
    /// <param name="logSums">Receives log sum exp of every row's logits, [U]: what backward needs.</param>
    /// <returns>Log-probability of every pair, nats, [E].</returns>
    public static float[] Forward(Tensor hidden, Tensor weight, PredictionTable table, out Tensor logSums, int? rowsPerChunk = null)
    {
        using IDisposable mode = no_grad();
        using DisposeScope outer = NewDisposeScope();
        var result = new float[table.EntryRows.Length];
        logSums = outer.MoveToOuter(empty([table.Rows.Length], ScalarType.Float32, hidden.device));
        foreach (Chunk chunk in Chunks(table, rowsPerChunk ?? RowsPerChunk(weight.shape[0], hidden.device)))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor logits = Logits(hidden, weight, chunk);
            Tensor sums = logits.logsumexp(1);
            logSums.narrow(0, chunk.Row, chunk.RowCount).copy_(sums);
            if (chunk.EntryCount == 0)
                continue;
            Tensor rows = Indices(table.EntryRows, chunk, hidden.device);
            Tensor places = (rows * weight.shape[0]) + Tokens(table, chunk, hidden.device);
            Tensor values = logits.view(-1).index_select(0, places) - sums.index_select(0, rows);
            values.cpu().data<float>().ToArray().CopyTo(result, chunk.Entry);
        }

        return result;
    }

    /// <summary>Backward.</summary>
    /// <param name="hidden">As in forward.</param>
    /// <param name="weight">As in forward.</param>
    /// <param name="table">As in forward.</param>
    /// <param name="logSums">From forward.</param>
    /// <param name="gradient">dL/d(log-probability) of every response, [R].</param>
    /// <param name="weightGradient">Receives each chunk's dz, [u, V], and h, [u, D], whose product dz^T h is to be added to dL/dW; null when W is frozen.</param>
    /// <param name="rowsPerChunk">As in forward.</param>
    /// <returns>dL/dh, [U, D].</returns>
    public static Tensor Backward(Tensor hidden, Tensor weight, PredictionTable table, Tensor logSums, ReadOnlySpan<double> gradient, Action<Tensor, Tensor>? weightGradient, int? rowsPerChunk = null)
    {
        using IDisposable mode = no_grad();
        using DisposeScope outer = NewDisposeScope();
        (float[] entries, float[] rows) = table.Spread(gradient);
        Tensor result = outer.MoveToOuter(empty_like(hidden));
        Tensor entryGradients = tensor(entries, device: hidden.device), rowGradients = tensor(rows, device: hidden.device);
        foreach (Chunk chunk in Chunks(table, rowsPerChunk ?? RowsPerChunk(weight.shape[0], hidden.device)))
        {
            using DisposeScope scope = NewDisposeScope();
            // softmax(z) times minus the row's gradient, in place of the logits
            Tensor z = Logits(hidden, weight, chunk);
            z.sub_(logSums.narrow(0, chunk.Row, chunk.RowCount).unsqueeze(1)).exp_().mul_(rowGradients.narrow(0, chunk.Row, chunk.RowCount).neg().unsqueeze(1));
            if (chunk.EntryCount > 0)
            {
                // Every place occurs once: no two additions meet.
                Tensor places = (Indices(table.EntryRows, chunk, hidden.device) * weight.shape[0]) + Tokens(table, chunk, hidden.device);
                z.view(-1).index_add_(0, places, entryGradients.narrow(0, chunk.Entry, chunk.EntryCount), 1);
            }

            Tensor dz = z.to(hidden.dtype);
            result.narrow(0, chunk.Row, chunk.RowCount).copy_(dz.matmul(weight));
            weightGradient?.Invoke(dz, hidden.narrow(0, chunk.Row, chunk.RowCount));
        }

        return result;
    }

    private static Tensor Logits(Tensor hidden, Tensor weight, Chunk chunk) =>
        hidden.narrow(0, chunk.Row, chunk.RowCount).matmul(weight.t()).to(ScalarType.Float32);

    private static Tensor Indices(int[] rows, Chunk chunk, Device device)
    {
        var local = new long[chunk.EntryCount];
        for (int e = 0; e < local.Length; e++)
            local[e] = rows[chunk.Entry + e] - chunk.Row;
        return tensor(local, device: device);
    }

    private static Tensor Tokens(PredictionTable table, Chunk chunk, Device device) =>
        tensor(Array.ConvertAll(table.EntryTokens[chunk.Entry..(chunk.Entry + chunk.EntryCount)], t => (long)t), device: device);

    private static IEnumerable<Chunk> Chunks(PredictionTable table, int size)
    {
        int entry = 0;
        for (int row = 0; row < table.Rows.Length; row += size)
        {
            int end = Math.Min(row + size, table.Rows.Length);
            int first = entry;
            while (entry < table.EntryRows.Length && table.EntryRows[entry] < end)
                entry++;
            yield return new Chunk(row, end - row, first, entry - first);
        }
    }

    private readonly record struct Chunk(int Row, int RowCount, int Entry, int EntryCount);
}
