using Tuna.IO;

namespace Tuna.Chat.Journaling;

/// <summary>Every call that was paid for, one JSON line each, append-only.</summary>
/// <remarks>
/// What was written is there after a kill at any moment; a torn last line is repaired on opening; each line has a checksum, so that damage
/// is noticed and said (<see cref="Problems"/>); a second process is refused. Thread-safe, and shared by all the clients that write to it;
/// dispose it after their last call. Fields:
/// <see cref="JournaledCall"/> in snake case.
/// </remarks>
public sealed class CallJournal : IDisposable
{
    private readonly KeyedJournal<JournaledCall> _journal;

    private CallJournal(KeyedJournal<JournaledCall> journal) => _journal = journal;

    /// <summary>The file.</summary>
    public string Path => _journal.Path;

    /// <summary>Different calls in the journal.</summary>
    public int Count => _journal.Count;

    /// <summary>Lines that are damaged or no calls; they are left in the file and not used.</summary>
    public int SkippedLines => _journal.SkippedLines;

    /// <summary>Bytes of a torn last line that opening removed.</summary>
    public long RepairedBytes => _journal.RepairedBytes;

    /// <summary>What opening found wrong with the file, for whoever started the run; null when all is well.</summary>
    public string? Problems => _journal.Problems;

    /// <summary>Opens a journal, or creates it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="durability">What a written line survives: the end of the process (default) or the loss of power too.</param>
    /// <exception cref="IOException">Another process has it open.</exception>
    public static CallJournal Open(string path, JournalDurability durability = JournalDurability.Process) =>
        new(KeyedJournal<JournaledCall>.Open(path, JournalFormat.Json.JournaledCall, call => call.Key, durability));

    /// <summary>The calls, the newest of each key, in no particular order.</summary>
    public IEnumerable<JournaledCall> Calls() => _journal.Entries();

    /// <summary>The call of a key, if it is there.</summary>
    public JournaledCall? Find(string key) => _journal.Find(key);

    /// <summary>What the calls in the journal cost, for a budget that goes on over several runs.</summary>
    /// <param name="prices">What tokens cost.</param>
    public CallUsage Usage(TokenPrices prices)
    {
        ArgumentNullException.ThrowIfNull(prices);
        return Calls().Aggregate(CallUsage.None, (sum, call) =>
            sum.Add(new CallUsage(1, call.InputTokens, call.OutputTokens, prices.CostOf(call.InputTokens, call.OutputTokens),
                call.UsageEstimated == true)));
    }

    internal Task<(JournaledCall Call, bool Found)> GetOrAddAsync(string key, Func<JournaledCall, bool> usable,
        Func<Task<JournaledCall>> make, CancellationToken cancellationToken) =>
        _journal.GetOrAddAsync(key, usable, make, cancellationToken);

    /// <summary>Closes the journal.</summary>
    public void Dispose() => _journal.Dispose();
}
