namespace Tuna.Policies;

/// <summary>A language model: its scores are log-probabilities, and it samples.</summary>
/// <remarks>
/// <see cref="IResponseScorer.Score"/> gives the SUM over the response's tokens of log p(token), in nats. The same inputs, seed and thread
/// count give the same bits.
/// </remarks>
public interface IPolicyModel : IResponseScorer
{
    /// <summary>Samples responses; each request's prompt is computed once and shared by its samples.</summary>
    /// <param name="requests">What to sample. A sample depends on its own request only, never on the others in the batch.</param>
    /// <param name="cancellationToken">Stops between tokens.</param>
    /// <returns>For each request, its <see cref="SamplingRequest.Count"/> samples.</returns>
    /// <exception cref="ArgumentException">A number of a request is outside its range, or its prompt does not fit; names the
    /// request.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the model, or a pass is open.</exception>
    IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
        CancellationToken cancellationToken = default);
}
