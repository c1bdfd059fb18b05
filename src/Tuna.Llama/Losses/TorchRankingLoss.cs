using Tuna.Losses;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Losses;

/// <summary>Any <see cref="IRankingLoss"/> as a differentiable TorchSharp function of log-probabilities: for people who keep their own
/// training loop.</summary>
/// <remarks>
/// The loss computes its value L and gradient g = dL/d(log-probability) on the CPU in double precision; what comes back is L + g . (lp -
/// lp), with the second lp detached, whose value is L and whose gradient is g. First derivatives only.
/// </remarks>
public static class TorchRankingLoss
{
    /// <summary>Evaluates a loss on a batch of groups.</summary>
    /// <param name="loss">The objective.</param>
    /// <param name="groups">The groups that the log-probabilities are of.</param>
    /// <param name="logProbs">Sum over the tokens of log p(token) of every response, group after group, nats, [R].</param>
    /// <param name="referencePolicy">The same under the frozen reference policy, [R]; null unless the loss needs it.</param>
    /// <returns>The loss, a scalar of the type and device of <paramref name="logProbs"/>.</returns>
    /// <exception cref="ArgumentException">Shapes do not fit, or the loss needs a reference policy and there is none.</exception>
    public static Tensor Evaluate(IRankingLoss loss, IReadOnlyList<TokenGroup> groups, Tensor logProbs, Tensor? referencePolicy = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(logProbs);
        var offsets = new int[groups.Count + 1];
        var candidates = new int[groups.Count];
        var lengths = new List<int>();
        var scores = new List<double>();
        for (int b = 0; b < groups.Count; b++)
        {
            candidates[b] = groups[b].CandidateCount;
            offsets[b + 1] = offsets[b] + groups[b].Responses.Count;
            lengths.AddRange(groups[b].Responses.Select(r => r.Length));
            scores.AddRange(groups[b].Scores.ToArray());
            if (groups[b].HasReference)
                scores.Add(double.NaN);
        }

        double[] values = Read(logProbs, lengths.Count, nameof(logProbs));
        double[] reference = referencePolicy is null ? [] : Read(referencePolicy, lengths.Count, nameof(referencePolicy));
        if (loss.Needs.ReferencePolicy && referencePolicy is null)
            throw new ArgumentException($"{loss.Describe().Name} needs the reference policy's log-probabilities.", nameof(referencePolicy));
        var gradient = new double[values.Length];
        double value = loss.Evaluate(
            new RankingBatch
            {
                Offsets = offsets,
                CandidateCounts = candidates,
                Values = values,
                Lengths = lengths.ToArray(),
                Scores = scores.ToArray(),
                ReferencePolicyLogProbs = reference,
            },
            gradient);
        using DisposeScope scope = NewDisposeScope();
        Tensor weights = tensor(gradient, device: logProbs.device).to(logProbs.dtype);
        return scope.MoveToOuter(((logProbs - logProbs.detach()) * weights).sum() + value);
    }

    private static double[] Read(Tensor tensor, int count, string name)
    {
        if (tensor.dim() != 1 || tensor.shape[0] != count)
            throw new ArgumentException($"{name} is [{string.Join(", ", tensor.shape)}]; the groups have {count} responses.", name);
        using DisposeScope scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }
}
