using static TorchSharp.torch;

namespace Tuna.Llama.Distributed;

/// <summary>Exchanges many tensors, each of which is one process's, in few calls: pieces of them lie side by side in one buffer with an
/// equal part for each process.</summary>
/// <param name="ranks">How many processes.</param>
/// <param name="rank">This one.</param>
/// <param name="exchange">How a buffer is exchanged.</param>
/// <param name="bytes">Most bytes of the buffer; it is smaller where the tensors are.</param>
internal sealed class FlatBuffer(int ranks, int rank, ITensorExchange exchange, long bytes = 256L << 20)
{
    /// <summary>Sums Float32 tensors over all processes for their owners, in place; elsewhere they mean nothing afterwards.</summary>
    /// <param name="tensors">Contiguous tensors and their owners, the same everywhere.</param>
    public void ReduceScatter(IReadOnlyList<(Tensor Values, int Owner)> tensors) =>
        Exchange(tensors, exchange.ReduceScatter, read: _ => true, write: owner => owner == rank);

    /// <summary>Gives every process the owners' tensors, in place.</summary>
    /// <param name="tensors">Contiguous tensors of one type and their owners, the same everywhere.</param>
    public void AllGather(IReadOnlyList<(Tensor Values, int Owner)> tensors) =>
        Exchange(tensors, exchange.AllGather, read: owner => owner == rank, write: owner => owner != rank);

    private void Exchange(IReadOnlyList<(Tensor Values, int Owner)> tensors, Action<Tensor> work, Func<int, bool> read,
        Func<int, bool> write)
    {
        if (tensors.Count == 0)
            return;
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor first = tensors[0].Values;
        var streams = new List<Tensor>[ranks]; // each owner's tensors, one after another
        for (int r = 0; r < ranks; r++)
            streams[r] = [.. tensors.Where(t => t.Owner == r).Select(t => t.Values.view(-1))];
        long longest = streams.Max(s => s.Sum(t => t.numel()));
        long part = Math.Min(longest, Math.Max(bytes / (ranks * first.element_size()), 1));
        part += part % 2; // whole words of four bytes, whatever the type
        Tensor buffer = zeros([ranks * part], first.dtype, first.device);
        for (long at = 0; at < longest; at += part)
        {
            Copy(at, read, intoBuffer: true);
            work(buffer);
            Copy(at, write, intoBuffer: false);
        }

        void Copy(long at, Func<int, bool> whose, bool intoBuffer)
        {
            using DisposeScope pieces = NewDisposeScope();
            for (int r = 0; r < ranks; r++)
            {
                if (!whose(r))
                    continue;
                long start = 0; // of a tensor in its owner's stream
                foreach (Tensor values in streams[r])
                {
                    long from = Math.Max(at, start), to = Math.Min(at + part, start + values.numel());
                    if (from < to)
                    {
                        Tensor own = values.narrow(0, from - start, to - from);
                        Tensor place = buffer.narrow(0, (exchange.PartOf(r) * part) + from - at, to - from);
                        (intoBuffer ? place : own).copy_(intoBuffer ? own : place);
                    }

                    start += values.numel();
                }
            }
        }
    }
}
