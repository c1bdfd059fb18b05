using System.Buffers;
using System.Globalization;

namespace Tuna.Losses;

/// <summary>A weighted sum of losses over the same responses, as a likelihood term beside a preference.</summary>
/// <remarks>
/// <code>
/// L = w_1 L_1 + w_2 L_2 + ...
/// </code>
/// <para>
/// with the weights as they are: they need not add up to 1. It needs what any of its terms needs. Its gradient is the same sum; a response
/// is free of backward work where every term leaves it out.
/// </para>
/// </remarks>
public sealed class MixedLoss : IRankingLoss
{
    private readonly (double Weight, IRankingLoss Loss)[] _terms;

    /// <summary>Mixes losses.</summary>
    /// <param name="terms">At least one loss with its weight, finite and above 0.</param>
    /// <exception cref="ArgumentException">There is no term.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is outside its range.</exception>
    public MixedLoss(params ReadOnlySpan<(double Weight, IRankingLoss Loss)> terms)
    {
        if (terms.Length == 0)
            throw new ArgumentException("There is no loss to mix.", nameof(terms));
        foreach ((double weight, IRankingLoss loss) in terms)
        {
            ArgumentNullException.ThrowIfNull(loss, nameof(terms));
            Setting.Positive(weight);
        }

        _terms = terms.ToArray();
        Needs = new()
        {
            ReferencePolicy = _terms.Any(t => t.Loss.Needs.ReferencePolicy),
            OldPolicy = _terms.Any(t => t.Loss.Needs.OldPolicy),
            ReferenceResponse = _terms.Any(t => t.Loss.Needs.ReferenceResponse),
            LeastCandidates = _terms.Max(t => t.Loss.Needs.LeastCandidates),
            ScoresBelow = _terms.Min(t => t.Loss.Needs.ScoresBelow),
        };
    }

    /// <summary>The losses and their weights.</summary>
    public IReadOnlyList<(double Weight, IRankingLoss Loss)> Terms => _terms;

    /// <inheritdoc/>
    public LossNeeds Needs { get; }

    /// <inheritdoc/>
    public LossDescription Describe() => new(nameof(MixedLoss),
        (nameof(Terms), string.Join(" + ",
            _terms.Select(t => t.Weight.ToString(CultureInfo.InvariantCulture) + $" [{t.Loss.Describe()}]"))));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A term refuses the batch.</exception>
    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        BatchGuard.Check(batch, gradient, bestFirst: false); // the terms know what else they need
        double[] rented = ArrayPool<double>.Shared.Rent(gradient.Length);
        try
        {
            Span<double> own = rented.AsSpan(0, gradient.Length);
            gradient.Clear();
            double sum = 0;
            foreach ((double weight, IRankingLoss loss) in _terms)
            {
                sum += weight * loss.Evaluate(batch, own);
                for (int r = 0; r < own.Length; r++)
                    gradient[r] += weight * own[r];
            }

            return sum;
        }
        finally
        {
            ArrayPool<double>.Shared.Return(rented);
        }
    }
}
