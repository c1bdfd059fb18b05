using System.Text.Json;
using System.Text.Json.Serialization;
using Tuna.IO;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>A file that remembers what a reference policy said, so that each group is scored once, whatever is killed in between.</summary>
/// <remarks>
/// An append-only journal, a JSON line per group, keyed by a hash of the group's token ids and the policy's fingerprint; one file may serve
/// several data sets and policies. It is a <see cref="JsonlJournal"/>: a last line torn by a killed process is repaired, and one process
/// has it at a time.
/// </remarks>
internal sealed class ReferencePolicyCache
{
    private readonly string _path;
    private readonly string _policyFingerprint;

    /// <summary>Names the journal; nothing is opened yet.</summary>
    /// <param name="path">The journal; created when missing, as is its folder.</param>
    /// <param name="policyFingerprint">What tells the reference policy from all others, such as a hash of its files or its path and
    /// revision. A wrong one gives wrong log-probabilities.</param>
    public ReferencePolicyCache(string path, string policyFingerprint)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(policyFingerprint);
        _path = path;
        _policyFingerprint = policyFingerprint;
    }

    /// <summary>Groups that are scored, and then journaled, at once, >= 1. Default 8.</summary>
    public int GroupsPerPass { get; init; } = 8;

    /// <summary>The log-probabilities of a data set, from the journal where it has them, from the policy otherwise.</summary>
    /// <param name="groups">The data set.</param>
    /// <param name="reference">Gives the frozen policy; called at most once, and not at all when the journal has everything. The caller
    /// keeps owning it.</param>
    /// <param name="progress">Receives after each pass how many groups are done, those of the journal included.</param>
    /// <param name="cancellationToken">Stops between passes; what was scored stays in the journal.</param>
    /// <exception cref="InvalidDataException">A line other than a torn last one is damaged (the message names it), or a log-probability is
    /// not finite.</exception>
    public ReferenceLogProbs GetOrScore(IReadOnlyList<TokenGroup> groups, Func<IPolicyModel> reference, IProgress<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentOutOfRangeException.ThrowIfLessThan(GroupsPerPass, 1);
        using JsonlJournal journal = JsonlJournal.Open(_path, checksums: true);
        Dictionary<string, double[]> known = Read(journal);

        string[] keys = groups.Select(g => GroupHash.Tokens(g, _policyFingerprint)).ToArray();
        List<int> missing = Missing(groups, keys, known);
        IPolicyModel? policy = null;
        for (int first = 0; first < missing.Count; first += GroupsPerPass)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<int> batch = missing.GetRange(first, Math.Min(GroupsPerPass, missing.Count - first));
            policy ??= reference();
            double[][] scored = ReferenceLogProbs.ScoreBatch(policy, batch.ConvertAll(i => groups[i]), cancellationToken);
            for (int b = 0; b < batch.Count; b++)
            {
                known[keys[batch[b]]] = scored[b];
                journal.Append(JsonSerializer.SerializeToUtf8Bytes(new Entry(keys[batch[b]], scored[b]), ReferenceCacheJson.Default.Entry));
            }
            journal.FlushToDisk();
            progress?.Report(groups.Count - missing.Count + first + batch.Count);
        }
        return new ReferenceLogProbs(Array.ConvertAll(keys, k => known[k]));
    }

    private static List<int> Missing(IReadOnlyList<TokenGroup> groups, string[] keys, Dictionary<string, double[]> known)
    {
        var missing = new List<int>();
        var asked = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < keys.Length; i++)
        {
            if (known.TryGetValue(keys[i], out double[]? values) ? values.Length != groups[i].Responses.Count : asked.Add(keys[i]))
                missing.Add(i);
        }
        return missing;
    }

    private static Dictionary<string, double[]> Read(JsonlJournal journal)
    {
        var known = new Dictionary<string, double[]>(StringComparer.Ordinal);
        foreach (JournalLine line in journal.ReadLines())
        {
            Entry? entry = null;
            try
            {
                entry = JsonSerializer.Deserialize(line.Json.Span, ReferenceCacheJson.Default.Entry);
            }
            catch (JsonException)
            {
                // Reported below.
            }
            if (entry is not { Key.Length: > 0, LogProbs: not null } || entry.LogProbs.Any(x => !double.IsFinite(x)))
                throw new InvalidDataException(
                    $"{journal.Path}, line {line.Number}: not an entry of a log-probability journal; delete the line to have its group "
                    + $"scored again.");
            known[entry.Key] = entry.LogProbs;
        }
        if (journal.DamagedLines is [long first, ..] damaged)
            throw new InvalidDataException(
                $"{journal.Path}, line {first}: the line does not agree with its checksum ({damaged.Count} such lines); delete the line "
                + $"to have its group scored again.");
        return known;
    }

    internal sealed record Entry(string Key, double[] LogProbs);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReferencePolicyCache.Entry))]
internal sealed partial class ReferenceCacheJson : JsonSerializerContext;
