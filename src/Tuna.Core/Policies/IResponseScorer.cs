namespace Tuna.Policies;

/// <summary>A model that gives every response one number: what policies and reward models share.</summary>
/// <remarks>
/// What the number is, the type says: an <see cref="IPolicyModel"/> gives log-probabilities, sums over a response's tokens, nats; any other
/// scorer gives rewards, which lengths do not
/// enter. Higher is better. An instance is used by one thread at a time and may use several threads inside; a second thread meets
/// <see cref="InvalidOperationException"/>, never a wrong
/// number. The same inputs and thread count give the same bits. Engines check ids and lengths with
/// <see cref="PolicyInfo.CheckGroups"/>, whose <see cref="ArgumentException"/> names the group.
/// </remarks>
public interface IResponseScorer : IDisposable
{
    /// <summary>What the model is: sizes that callers need.</summary>
    PolicyInfo Info { get; }

    /// <summary>Computes the number of every response of every group.</summary>
    /// <param name="groups">The groups to score.</param>
    /// <param name="values">Receives the numbers, group after group and response after response, [R].</param>
    /// <param name="cancellationToken">Stops between groups.</param>
    /// <exception cref="ArgumentException">A token id is outside the vocabulary, a sequence exceeds the context, or
    /// <paramref name="values"/> is not [R].</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the model, or a pass is open.</exception>
    void Score(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken = default);
}
