using System.Runtime.InteropServices;
using Tuna.Distributed;
using static TorchSharp.torch;

namespace Tuna.Llama.Distributed;

/// <summary>Through the processor's memory and the group itself: on the CPU in place, from a GPU piece by piece. Sums have the bits of the
/// group's tree.</summary>
internal sealed class HostExchange(IProcessGroup group) : ITensorExchange
{
    private const long PieceBytes = 512L << 20;

    public void Sum(Tensor values) => Each(values, bytes => group.SumTree(MemoryMarshal.Cast<byte, float>(bytes)));

    public int PartOf(int rank) => IProcessGroup.PartOf(rank, group.Size);

    public void ReduceScatter(Tensor flat) => Whole(flat, (floats, bounds) => group.ReduceScatterTree(floats, bounds));

    public void AllGather(Tensor flat) => Whole(flat, (floats, bounds) => group.GatherParts(floats, bounds));

    public void Broadcast(Tensor values, int root) => Each(values, bytes => group.Broadcast(bytes, root));

    public void Dispose()
    {
        // The group is the caller's.
    }

    private delegate void WholeWork(Span<float> values, ReadOnlySpan<int> bounds);

    // A flat buffer is no longer than a piece.
    private void Whole(Tensor flat, WholeWork work) => Each(flat, bytes =>
    {
        Span<float> floats = MemoryMarshal.Cast<byte, float>(bytes);
        Span<int> bounds = stackalloc int[group.Size + 1];
        for (int part = 0; part <= group.Size; part++)
            bounds[part] = floats.Length / group.Size * part;
        work(floats, bounds);
    });

    /// <summary>Work on a piece of a tensor.</summary>
    internal delegate void Work(Span<byte> bytes);

    /// <summary>Does work on all pieces of a contiguous tensor, in the processor's memory.</summary>
    /// <param name="values">The tensor.</param>
    /// <param name="work">The work.</param>
    /// <param name="write">Whether the work changes it.</param>
    internal static void Each(Tensor values, Work work, bool write = true)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = values.view(-1);
        long most = PieceBytes / values.element_size();
        for (long start = 0; start < flat.numel(); start += most)
        {
            using DisposeScope pieceScope = NewDisposeScope();
            Tensor piece = flat.narrow(0, start, Math.Min(most, flat.numel() - start));
            if (piece.device.type == DeviceType.CPU)
            {
                work(piece.bytes);
                continue;
            }

            Tensor host = piece.cpu();
            work(host.bytes);
            if (write)
                piece.copy_(host);
        }
    }
}
