using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Rows that training does not see and is measured on, at the end and every <see cref="TrainerOptions.EvaluateEverySteps"/>.
/// Immutable.</summary>
/// <remarks>
/// The rows are part of a run's fingerprint: they decide its metrics, which checkpoint is the best and when it stops. Of several processes
/// the first one measures and tells the others.
/// </remarks>
/// <param name="Groups">The rows, at least one; each has what the loss needs of a row.</param>
public sealed record HeldOutRows(IReadOnlyList<TokenGroup> Groups)
{
    /// <summary>The training objective's mean over the rows, nats.</summary>
    public const string Loss = "loss";

    /// <summary>Share of the pairs of candidates with different scores that the model puts in their order, [0, 1]; absent without such
    /// pairs. As <see cref="TrainingStep.PairAccuracy"/>.</summary>
    public const string PairAccuracy = "pairAccuracy";

    /// <summary>Mean difference over these pairs; absent without them. As <see cref="TrainingStep.Margin"/>.</summary>
    public const string Margin = "margin";

    /// <summary>Negative log-likelihood of the answers, nats per token: of the reference response, or of the best candidate where a row
    /// has none. Absent for a reward model.</summary>
    public const string Nll = "nll";

    internal static IReadOnlyList<string> Names { get; } = [Loss, PairAccuracy, Margin, Nll];

    /// <summary>Log-probabilities of the rows under the frozen reference policy, for losses that need them. Default null.</summary>
    public ReferenceLogProbs? Reference { get; init; }

    /// <summary>Groups that are scored at once, >= 1. Default 8.</summary>
    public int GroupsPerPass { get; init; } = 8;

    /// <summary>Whether the row of an id belongs to the held-out part of a split; the same rows in every run and whatever the file's
    /// order.</summary>
    /// <param name="id">The row's id.</param>
    /// <param name="fraction">Expected share of rows held out, [0, 1].</param>
    /// <param name="seed">Another seed gives another split.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is out of its range.</exception>
    public static bool IsHeldOut(string id, double fraction, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (!(fraction >= 0 && fraction <= 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "A fraction is in [0, 1].");
        return (StableHash.Of(id, seed) >> 11) * (1.0 / (1UL << 53)) < fraction;
    }
}
