namespace Tuna.Llama.Managed.Kernels;

/// <summary>What of a product with queries on one side and keys on another a causal mask leaves, so that the rest need not be
/// computed.</summary>
/// <param name="Kind">Where the mask lies.</param>
/// <param name="Offset">Keys before the first query: query i sees the keys up to i + Offset.</param>
internal readonly record struct CausalMask(CausalMaskKind Kind, int Offset);

/// <summary>Where a <see cref="CausalMask"/> lies.</summary>
internal enum CausalMaskKind
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>On C, whose rows are queries and columns keys: elements that it hides may hold anything afterwards.</summary>
    Product,

    /// <summary>On op(A), whose rows are queries and columns keys: what it hides is zero there.</summary>
    Left,

    /// <summary>On op(A), whose rows are keys and columns queries: what it hides is zero there.</summary>
    LeftTransposed,
}
