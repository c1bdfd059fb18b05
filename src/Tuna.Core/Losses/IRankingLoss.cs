namespace Tuna.Losses;

/// <summary>A training objective as a function of one number per response.</summary>
/// <remarks>Implementations are immutable, thread-safe and do not allocate. They never see a tensor or a model.</remarks>
public interface IRankingLoss
{
    /// <summary>What the loss needs of the data; a trainer checks every row against it before the first step.</summary>
    LossNeeds Needs { get; }

    /// <summary>Evaluates the loss and its gradient.</summary>
    /// <param name="batch">A micro-batch of groups.</param>
    /// <param name="gradient">Receives (is overwritten with) dL/d<see cref="RankingBatch.Values"/>, [R].</param>
    /// <returns>The loss in nats: the mean over the groups unless the loss says otherwise.</returns>
    /// <exception cref="ArgumentException"><paramref name="gradient"/> is not [R], or the batch lacks what the loss needs.</exception>
    double Evaluate(in RankingBatch batch, Span<double> gradient);

    /// <summary>Tells this loss from every other: its name and each setting that changes what <see cref="Evaluate"/> gives. A run is
    /// resumed only with the loss it began with.</summary>
    LossDescription Describe();
}
