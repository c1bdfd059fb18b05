namespace Tuna.Models;

/// <summary>A model that shows its hidden states.</summary>
/// <remarks>Used by one thread at a time, like the policy that implements it.</remarks>
public interface IHiddenStates
{
    /// <summary>Computes the hidden states of a sequence.</summary>
    /// <param name="tokens">Token ids, [T].</param>
    /// <param name="layer">0 for the embeddings, l for the residual stream after l decoder layers, and the layer count for the output of
    /// the last norm.</param>
    /// <param name="destination">Receives the states, row-major, [T, D].</param>
    /// <exception cref="ArgumentException">A token id is outside the vocabulary, the sequence is empty or exceeds the context, or
    /// <paramref name="destination"/> is not [T, D].</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    void HiddenStates(ReadOnlySpan<int> tokens, int layer, Span<float> destination);
}
