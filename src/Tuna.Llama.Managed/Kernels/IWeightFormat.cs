using System.Numerics;
using System.Runtime.Intrinsics;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>How the weights of a row lie in memory: in blocks of 32, of which kernels read vectors. A vector holds the same weights in
/// every format, so that sums have the same order.</summary>
internal unsafe interface IWeightFormat
{
    /// <summary>Weights in a block.</summary>
    const int Block = 32;

    /// <summary>Bytes of a whole block, a multiple of <see cref="WeightRows.Line"/>.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Bytes that a row of <paramref name="columns"/> weights takes.</summary>
    static abstract long RowBytes(int columns);

    /// <summary>The weights 0 .. 15 of a block.</summary>
    static abstract Vector512<float> Low(byte* block);

    /// <summary>The weights 16 .. 31 of a block.</summary>
    static abstract Vector512<float> High(byte* block);

    /// <summary>The weights from <paramref name="i"/> on, within the first 16 of a block.</summary>
    static abstract Vector<float> Low(byte* block, int i);

    /// <summary>The weights from 16 + <paramref name="i"/> on, within the last 16 of a block.</summary>
    static abstract Vector<float> High(byte* block, int i);

    /// <summary>The <paramref name="k"/>th weight of a row.</summary>
    static abstract float At(byte* row, int k);
}
