namespace Tuna.Llama.Managed.Kernels;

/// <summary>The innermost product of <see cref="Gemm"/>: one tile of C, held in registers, from a packed panel of A and one of B.</summary>
/// <remarks>Implementations say that they are not to be inlined: in the middle of another method, where the compiler at times puts them,
/// they are slower.</remarks>
internal unsafe interface IMicroKernel
{
    /// <summary>Rows of the tile.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of the tile.</summary>
    static abstract int Columns { get; }

    /// <summary>Whether this processor runs it at speed.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>c[i * stride + j] (+)= sum over k in order of a[k * Rows + i] * b[k * Columns + j].</summary>
    /// <param name="depth">Number of k.</param>
    /// <param name="a">Panel of A, [depth, Rows].</param>
    /// <param name="b">Panel of B, [depth, Columns].</param>
    /// <param name="c">Tile of C.</param>
    /// <param name="stride">Floats from one row of C to the next.</param>
    /// <param name="accumulate">Whether to add to C or to overwrite it.</param>
    static abstract void Multiply(int depth, float* a, float* b, float* c, int stride, bool accumulate);

    /// <summary>Whether there is <see cref="MultiplyHalf"/>: worth it where a tile is wider than what often is left over.</summary>
    static virtual bool HasHalf => false;

    /// <summary>As <see cref="Multiply"/>, to the same bits, for the first half of the columns.</summary>
    static virtual void MultiplyHalf(int depth, float* a, float* b, float* c, int stride, bool accumulate) =>
        throw new NotSupportedException();
}
