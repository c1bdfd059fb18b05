namespace Tuna.Llama.Managed.Memory;

/// <summary>A place in a block of memory: where it begins and how much it holds, in floats.</summary>
internal readonly record struct Lease(long Offset, long Length);

/// <summary>A block of memory that is laid out anew for each use: first every lease is taken, then the block made large enough for
/// all.</summary>
internal sealed unsafe class LeasedBlock : IDisposable
{
    // Floats of a cache line: where rows begin does not matter to the result, but to the speed.
    private const int Line = 16;

    private readonly NativeBuffer _block = new();
    private long _end;

    /// <summary>Begins a layout; what was there is forgotten.</summary>
    public void Begin() => _end = 0;

    /// <summary>Takes a place.</summary>
    public Lease Take(int rows, int width)
    {
        var lease = new Lease(_end, (long)rows * width);
        _end += (lease.Length + Line - 1) / Line * Line;
        return lease;
    }

    /// <summary>Ends the layout: from here on leases have memory.</summary>
    public void End() => _block.Ensure(_end);

    /// <summary>The first rows of a lease.</summary>
    /// <exception cref="InvalidOperationException">The lease is smaller.</exception>
    public Matrix Rows(Lease lease, int rows, int width) => (long)rows * width <= lease.Length
        ? new Matrix(_block.Pointer + lease.Offset, rows, width)
        : throw new InvalidOperationException($"[{rows}, {width}] are asked for of a place for {lease.Length} numbers.");

    public void Dispose() => _block.Dispose();
}
