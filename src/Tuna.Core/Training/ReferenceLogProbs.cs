using System.Runtime.InteropServices;
using Tuna.Distributed;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>The log-probabilities of a data set's responses under a frozen reference policy, group by group. Immutable.</summary>
public sealed class ReferenceLogProbs
{
    private readonly double[][] _groups;

    internal ReferenceLogProbs(double[][] groups) => _groups = groups;

    /// <summary>Number of groups.</summary>
    public int Count => _groups.Length;

    /// <summary>Sums over the tokens of log p(token) for the responses of one group, nats.</summary>
    /// <param name="group">Index of the group in the data set.</param>
    public ReadOnlySpan<double> this[int group] => _groups[group];

    /// <summary>Scores a data set without a cache.</summary>
    /// <param name="reference">The frozen policy.</param>
    /// <param name="groups">The data set.</param>
    /// <param name="groupsPerPass">Groups that are scored at once, >= 1.</param>
    /// <param name="cancellationToken">Stops between passes.</param>
    /// <exception cref="InvalidDataException">A log-probability is not finite; the message names the group.</exception>
    public static ReferenceLogProbs Score(IPolicyModel reference, IReadOnlyList<TokenGroup> groups, int groupsPerPass = 8,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentOutOfRangeException.ThrowIfLessThan(groupsPerPass, 1);
        var result = new double[groups.Count][];
        for (int first = 0; first < groups.Count; first += groupsPerPass)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TokenGroup[] batch = groups.Skip(first).Take(groupsPerPass).ToArray();
            ScoreBatch(reference, batch, cancellationToken).CopyTo(result, first);
        }
        return new ReferenceLogProbs(result);
    }

    /// <summary>The log-probabilities of a data set, from a journal where it has them, from the policy otherwise: so each group is scored
    /// once, whatever is killed in between.</summary>
    /// <remarks>One journal may serve several data sets and policies, one process at a time.</remarks>
    /// <param name="journal">The file; created when missing, as is its folder.</param>
    /// <param name="policyFingerprint">What tells the reference policy from all others, such as a hash of its files or its path and
    /// revision. A wrong one gives wrong log-probabilities.</param>
    /// <param name="groups">The data set.</param>
    /// <param name="reference">Gives the frozen policy; called at most once, and not at all when the journal has everything. The caller
    /// keeps owning it.</param>
    /// <param name="groupsPerPass">Groups that are scored, and then journaled, at once, >= 1.</param>
    /// <param name="progress">Receives after each pass how many groups are done, those of the journal included.</param>
    /// <param name="cancellationToken">Stops between passes; what was scored stays in the journal.</param>
    /// <exception cref="InvalidDataException">A line other than a torn last one is damaged (the message names it), or a log-probability is
    /// not finite.</exception>
    /// <exception cref="IO.FileInUseException">Another process has the journal open.</exception>
    public static ReferenceLogProbs GetOrScore(string journal, string policyFingerprint, IReadOnlyList<TokenGroup> groups,
        Func<IPolicyModel> reference, int groupsPerPass = 8, IProgress<int>? progress = null,
        CancellationToken cancellationToken = default) =>
        new ReferencePolicyCache(journal, policyFingerprint) { GroupsPerPass = groupsPerPass }
            .GetOrScore(groups, reference, progress, cancellationToken);

    /// <summary>The groups of the data set that was scored, with these numbers as those of the policy that drew their candidates: what a
    /// loss needs that takes a ratio to it. Score with the policy as it is before the first step.</summary>
    /// <param name="groups">The data set.</param>
    /// <exception cref="ArgumentException">It is another data set.</exception>
    public IReadOnlyList<TokenGroup> AsOldPolicy(IReadOnlyList<TokenGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        if (groups.Count != Count)
            throw new ArgumentException($"There are {groups.Count} groups, but log-probabilities of {Count}.", nameof(groups));
        return [.. groups.Select((group, i) => _groups[i].Length == group.Responses.Count
            ? group.WithOldPolicy(_groups[i].AsMemory(0, group.CandidateCount))
            : throw new ArgumentException(
                $"Group '{group.Id}' has {group.Responses.Count} responses, but {_groups[i].Length} log-probabilities.", nameof(groups)))];
    }

    /// <summary>Gives every process what rank 0 has scored. Collective.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="groups">The data set, the same everywhere.</param>
    /// <param name="scored">What rank 0 has; not read elsewhere.</param>
    public static ReferenceLogProbs Share(IProcessGroup group, IReadOnlyList<TokenGroup> groups, ReferenceLogProbs? scored)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(groups);
        double[][] values = [.. groups.Select(g => new double[g.Responses.Count])];
        for (int i = 0; i < values.Length; i++)
        {
            if (group.Rank == 0)
                scored![i].CopyTo(values[i]);
            group.Broadcast(MemoryMarshal.AsBytes(values[i].AsSpan()));
        }
        return new ReferenceLogProbs(values);
    }

    internal static double[][] ScoreBatch(IPolicyModel reference, IReadOnlyList<TokenGroup> batch, CancellationToken cancellationToken)
    {
        double[] flat = new double[batch.Sum(g => g.Responses.Count)];
        reference.Score(batch, flat, cancellationToken);
        var result = new double[batch.Count][];
        int next = 0;
        for (int b = 0; b < batch.Count; b++)
        {
            result[b] = flat.AsSpan(next, batch[b].Responses.Count).ToArray();
            next += result[b].Length;
            if (result[b].Any(x => !double.IsFinite(x)))
                throw new InvalidDataException($"Group '{batch[b].Id}': the reference policy gives a log-probability that is not finite.");
        }
        return result;
    }
}
