namespace Tuna.Policies;

/// <summary>A forward pass that waits for its gradient.</summary>
public interface IForwardPass : IDisposable
{
    /// <summary>The number of every response of every group, as <see cref="IResponseScorer.Score"/> gives it, [R]. Valid until the pass is
    /// disposed.</summary>
    ReadOnlySpan<double> Values { get; }

    /// <summary>Accumulates parameter gradients from dL/d<see cref="Values"/>. A response whose entry is exactly zero costs no backward
    /// work. Called at most once.</summary>
    /// <param name="gradient">dL/d(number), finite, [R].</param>
    void Backward(ReadOnlySpan<double> gradient);
}
