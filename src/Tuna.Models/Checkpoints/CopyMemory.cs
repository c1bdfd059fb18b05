using System.Runtime.InteropServices;

namespace Tuna.Models.Checkpoints;

/// <summary>Native memory of copies that are made again and again: what one gives back the next one takes, since pages that the system has
/// yet to find cost more than the copy.</summary>
/// <remarks>For several threads: a copy is given back by whoever has written it, also when nobody makes copies any more.</remarks>
internal sealed unsafe class CopyMemory : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<(nint Address, long Bytes)> _free = [];
    private bool _closed;

    /// <summary>Bytes that are there to be taken.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _free.Sum(b => b.Bytes);
        }
    }

    /// <summary>A block of at least so many bytes; its content is not defined.</summary>
    public (nint Address, long Bytes) Take(long bytes)
    {
        lock (_lock)
        {
            int best = -1;
            for (int i = 0; i < _free.Count; i++)
            {
                if (_free[i].Bytes >= bytes && (best < 0 || _free[i].Bytes < _free[best].Bytes))
                    best = i;
            }

            if (best >= 0)
            {
                (nint, long) block = _free[best];
                _free.RemoveAt(best);
                return block;
            }
        }

        return ((nint)NativeMemory.Alloc((nuint)Math.Max(1, bytes)), bytes);
    }

    /// <summary>Gives a block back.</summary>
    public void Return((nint Address, long Bytes) block)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                _free.Add(block);
                return;
            }
        }

        NativeMemory.Free((void*)block.Address);
    }

    /// <summary>Frees what nobody has taken.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            foreach ((nint address, _) in _free)
                NativeMemory.Free((void*)address);
            _free.Clear();
        }
    }

    /// <summary>Frees what is there, and what is given back later.</summary>
    public void Dispose()
    {
        lock (_lock)
            _closed = true;
        Trim();
    }
}
