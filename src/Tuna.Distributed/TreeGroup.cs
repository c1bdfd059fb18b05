using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tuna.Distributed;

/// <summary>A process group over pairs that exchange messages: the order of sums, whatever carries the messages.</summary>
/// <remarks>
/// Sums are recursive halving, the nearest rank first, so that element by element they are the balanced tree over ranks: (r0 + r1) + (r2 +
/// r3). After the halvings each process has the sums of one part; the doublings back give every process all of them. Each number crosses
/// the wire about twice, whatever the number of processes, as in any all-reduce (Thakur, Rabenseifner and Gropp, "Optimization of
/// Collective Communication Operations in MPICH", 2005).
/// </remarks>
public abstract class TreeGroup : IProcessGroup
{
    // Floats of a message: received ones are added while they are still in the cache.
    private const int Piece = 1 << 16;

    private float[] _scratch = [];

    /// <summary>Names a process.</summary>
    /// <param name="rank">This one.</param>
    /// <param name="size">How many there are.</param>
    /// <exception cref="ArgumentException">Their number is not a power of two.</exception>
    protected TreeGroup(int rank, int size)
    {
        if (!BitOperations.IsPow2(size))
            throw new ArgumentException($"There are {size} processes; start a power of two of them (1, 2, 4, 8, ...).", nameof(size));
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, size);
        Rank = rank;
        Size = size;
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public void SumTree(Span<float> values)
    {
        Span<int> bounds = stackalloc int[Size + 1];
        for (int p = 0; p <= Size; p++)
            bounds[p] = (int)((long)values.Length * p / Size);
        ReduceScatterTree(values, bounds);
        GatherParts(values, bounds);
    }

    /// <inheritdoc/>
    public void ReduceScatterTree(Span<float> values, ReadOnlySpan<int> bounds)
    {
        CheckBounds(values.Length, bounds);
        int from = 0, to = Size;
        for (int distance = 1; distance < Size; distance *= 2)
        {
            int middle = (from + to) / 2;
            Span<float> lower = values[bounds[from]..bounds[middle]], upper = values[bounds[middle]..bounds[to]];
            bool low = (Rank & distance) == 0;
            AddReceived(low ? lower : upper, low ? upper : lower, Rank ^ distance);
            (from, to) = low ? (from, middle) : (middle, to);
        }
    }

    /// <inheritdoc/>
    public void GatherParts(Span<float> values, ReadOnlySpan<int> bounds)
    {
        CheckBounds(values.Length, bounds);
        int own = IProcessGroup.PartOf(Rank, Size);
        for (int distance = Size / 2, width = 1; distance >= 1; distance /= 2, width *= 2)
        {
            int mine = own / width * width, theirs = mine ^ width;
            Span<float> send = values[bounds[mine]..bounds[mine + width]], receive = values[bounds[theirs]..bounds[theirs + width]];
            for (int at = 0; at < Math.Max(send.Length, receive.Length); at += Piece)
                Exchange(MemoryMarshal.AsBytes(Part(send, at)), MemoryMarshal.AsBytes(Part(receive, at)), Rank ^ distance);
        }
    }

    /// <inheritdoc/>
    public virtual void AllGather(ReadOnlySpan<double> mine, Span<double> all)
    {
        if (all.Length != (long)mine.Length * Size)
            throw new ArgumentException($"{Size} times {mine.Length} numbers do not fit {all.Length}.", nameof(all));
        int n = mine.Length;
        mine.CopyTo(all.Slice(Rank * n, n));
        for (int distance = 1; distance < Size; distance *= 2)
        {
            int own = Rank / distance * distance, theirs = own ^ distance;
            Exchange(MemoryMarshal.AsBytes(all.Slice(own * n, distance * n)), MemoryMarshal.AsBytes(all.Slice(theirs * n, distance * n)),
                Rank ^ distance);
        }
    }

    /// <inheritdoc/>
    public virtual void Broadcast(Span<byte> bytes, int root = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        int place = Rank ^ root; // the root is at 0
        for (int distance = Size / 2; distance >= 1; distance /= 2)
        {
            if (place % (2 * distance) == 0)
                Exchange(bytes, [], Rank ^ distance);
            else if (place % (2 * distance) == distance)
                Exchange([], bytes, Rank ^ distance);
        }
    }

    /// <inheritdoc/>
    public abstract void Abort(int exitCode);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the group holds.</summary>
    /// <param name="disposing">True when called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Sends to a process and receives from it, both at once; one of the two may be empty.</summary>
    /// <param name="send">What it is to receive.</param>
    /// <param name="receive">Receives what it sends, of exactly this length.</param>
    /// <param name="peer">Its rank.</param>
    protected abstract void Exchange(ReadOnlySpan<byte> send, Span<byte> receive, int peer);

    private void CheckBounds(int length, ReadOnlySpan<int> bounds)
    {
        bool fit = bounds.Length == Size + 1 && bounds[0] == 0 && bounds[^1] == length;
        for (int p = 0; fit && p < Size; p++)
            fit = bounds[p] <= bounds[p + 1];
        if (!fit)
            throw new ArgumentException(
                $"The bounds of {Size} parts of {length} numbers are {Size + 1} that do not decrease, from 0 to {length}.", nameof(bounds));
    }

    private void AddReceived(Span<float> kept, Span<float> sent, int peer)
    {
        if (_scratch.Length == 0)
            _scratch = new float[Piece];
        for (int at = 0; at < Math.Max(kept.Length, sent.Length); at += Piece)
        {
            Span<float> into = Part(kept, at), received = _scratch.AsSpan(0, into.Length);
            Exchange(MemoryMarshal.AsBytes(Part(sent, at)), MemoryMarshal.AsBytes(received), peer);
            Add(into, received);
        }
    }

    private static Span<float> Part(Span<float> values, int at) =>
        at >= values.Length ? [] : values.Slice(at, Math.Min(Piece, values.Length - at));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(Span<float> into, ReadOnlySpan<float> values)
    {
        Span<Vector<float>> sums = MemoryMarshal.Cast<float, Vector<float>>(into);
        ReadOnlySpan<Vector<float>> added = MemoryMarshal.Cast<float, Vector<float>>(values);
        for (int i = 0; i < sums.Length; i++)
            sums[i] += added[i];
        for (int i = sums.Length * Vector<float>.Count; i < into.Length; i++)
            into[i] += values[i];
    }
}
