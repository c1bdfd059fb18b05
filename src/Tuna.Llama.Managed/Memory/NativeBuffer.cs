using System.Runtime.InteropServices;

namespace Tuna.Llama.Managed.Memory;

/// <summary>A 64-byte aligned block of floats outside the garbage-collected heap that grows when asked to and is kept from step to
/// step.</summary>
/// <remarks>
/// The memory is not moved, so kernels may hold its pointer until the next <see cref="Ensure"/> or <see cref="Dispose"/>.
/// There is no finalizer on purpose: a buffer freed under a running kernel would be worse than one that waits for the process to end.
/// </remarks>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint Alignment = 64;

    // Smaller blocks gain nothing measurable.
    private const nuint SmallestInLargePages = 4 * LargePages.Size;
    private float* _pointer;
    private long _capacity;

    /// <summary>Floats that fit without growing.</summary>
    public long Capacity => _capacity;

    /// <summary>The start of the block; null before the first <see cref="Ensure"/>.</summary>
    public float* Pointer => _pointer;

    /// <summary>Makes room for <paramref name="count"/> floats. When the block has to grow, its contents are lost.</summary>
    public float* Ensure(long count)
    {
        if (count > _capacity)
        {
            Dispose();
            nuint bytes = checked((nuint)count * sizeof(float));
            _pointer = (float*)NativeMemory.AlignedAlloc(bytes, bytes < SmallestInLargePages ? Alignment : LargePages.Size);
            if (bytes >= SmallestInLargePages)
                LargePages.Advise(_pointer, bytes);
            _capacity = count;
        }

        return _pointer;
    }

    /// <summary>As <see cref="Ensure"/>, then sets the first <paramref name="count"/> floats to zero.</summary>
    public float* EnsureZeroed(long count)
    {
        Ensure(count);
        NativeMemory.Clear(_pointer, (nuint)count * sizeof(float));
        return _pointer;
    }

    /// <summary>Gives the memory back. The buffer can be used again.</summary>
    public void Dispose()
    {
        if (_pointer is not null)
            NativeMemory.AlignedFree(_pointer);
        _pointer = null;
        _capacity = 0;
    }
}
