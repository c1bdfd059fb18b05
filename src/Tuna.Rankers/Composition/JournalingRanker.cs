using Tuna.Chat.Journaling;
using Tuna.Data;
using Tuna.IO;
using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>Finished rankings on disk, one JSON line each, append-only: for rankers whose work is dear but is no call, such as a local
/// policy's scores.</summary>
/// <remarks>What was written survives a kill at any moment; a torn last line is repaired; a second process is refused. Judges keep a
/// <see cref="CallJournal"/> instead, which holds their raw replies.</remarks>
public sealed class RankingJournal : IDisposable
{
    private readonly KeyedJournal<JournaledRanking> _journal;

    private RankingJournal(KeyedJournal<JournaledRanking> journal) => _journal = journal;

    /// <summary>Different rankings in the journal.</summary>
    public int Count => _journal.Count;

    /// <summary>What opening found wrong with the file, for whoever started the run; null when all is well.</summary>
    public string? Problems => _journal.Problems;

    /// <summary>Opens a journal, or creates it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="durability">What a written line survives: the end of the process (default) or the loss of power too.</param>
    /// <exception cref="IOException">Another process has it open.</exception>
    public static RankingJournal Open(string path, JournalDurability durability = JournalDurability.Process) =>
        new(KeyedJournal<JournaledRanking>.Open(path, RankingLines.Json.JournaledRanking, ranking => ranking.Key, durability));

    internal Task<(JournaledRanking Entry, bool Found)> GetOrAddAsync(string key, Func<Task<JournaledRanking>> make,
        CancellationToken cancellationToken) =>
        _journal.GetOrAddAsync(key, _ => true, make, cancellationToken);

    /// <summary>Closes the journal.</summary>
    public void Dispose() => _journal.Dispose();
}

/// <summary>Takes finished rankings from a journal and writes new ones down.</summary>
public sealed class JournalingRanker : DelegatingResponseRanker
{
    private readonly RankingJournal _journal;
    private readonly string _version;

    /// <summary>Creates the ranker.</summary>
    /// <param name="inner">The ranker that is asked what the journal does not know.</param>
    /// <param name="journal">The journal; it stays the caller's to dispose.</param>
    /// <param name="version">Names the ranker and its settings; rankings of another version are not used.</param>
    public JournalingRanker(IResponseRanker inner, RankingJournal journal, string version)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentException.ThrowIfNullOrEmpty(version);
        _journal = journal;
        _version = version;
    }

    /// <inheritdoc/>
    public override async Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        string key = RowKey.Of(request, _version);
        try
        {
            (JournaledRanking entry, bool found) = await _journal.GetOrAddAsync(
                key,
                async () => new JournaledRanking
                {
                    Key = key,
                    Row = request.Id,
                    Version = _version,
                    Ranking = await Inner.RankAsync(request, cancellationToken).ConfigureAwait(false),
                },
                cancellationToken).ConfigureAwait(false);
            return found ? entry.Ranking with { Usage = RankingUsage.None } : entry.Ranking;
        }
        catch (JournalWriteException e)
        {
            throw new RankingException(request.Id, RankingFailure.Stopped, e.Message, innerException: e);
        }
    }
}
