using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Tuna.IO;

/// <summary>An append-only JSONL file of entries with a key, and the newest entry of each key in memory.</summary>
/// <remarks>
/// Survives being killed at any byte and admits one process at a time, as <see cref="JsonlJournal"/> does. Each line ends with a checksum;
/// lines of older journals have none and are read all the same. A line that is damaged or no entry is left in the file, not used, and named
/// by <see cref="Problems"/>. Entries are kept in memory as the UTF-8 bytes of their lines. Thread-safe.
/// </remarks>
/// <typeparam name="T">What a line holds: a JSON object.</typeparam>
public sealed class KeyedJournal<T> : IDisposable
    where T : class
{
    private const int NamedLines = 10;

    private readonly ConcurrentDictionary<string, byte[]> _lines = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _underWay = new(StringComparer.Ordinal);
    private readonly List<long> _skipped = [];
    private readonly JsonlJournal _journal;
    private readonly JsonTypeInfo<T> _type;
    private readonly Func<T, string> _key;
    private readonly int _damaged;
    private volatile bool _disposed;

    private KeyedJournal(JsonlJournal journal, JsonTypeInfo<T> type, Func<T, string> key)
    {
        _type = type;
        _key = key;
        _journal = journal;
        foreach (JournalLine line in _journal.ReadLines())
            Read(line);
        _damaged = _journal.DamagedLines.Count;
        _skipped.AddRange(_journal.DamagedLines);
        _skipped.Sort();
    }

    /// <summary>Opens a journal, or creates it, for this process alone.</summary>
    /// <param name="path">The file; its folder is created when it is missing.</param>
    /// <param name="type">How an entry is read and written.</param>
    /// <param name="key">The key of an entry.</param>
    /// <param name="durability">What a written line survives.</param>
    /// <exception cref="IOException">Another process, or another journal object of this one, has it open.</exception>
#pragma warning disable CA1000 // the type is named by the caller's field anyway, and a second class would hold one method
    public static KeyedJournal<T> Open(string path, JsonTypeInfo<T> type, Func<T, string> key,
        JournalDurability durability = JournalDurability.Process)
#pragma warning restore CA1000
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(key);
        var journal = JsonlJournal.Open(path, durability, checksums: true);
        try
        {
            return new KeyedJournal<T>(journal, type, key);
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path => _journal.Path;

    /// <summary>Entries with different keys.</summary>
    public int Count => _lines.Count;

    /// <summary>Lines that are damaged or no entries.</summary>
    public int SkippedLines => _skipped.Count;

    /// <summary>Bytes of a torn last line that opening removed.</summary>
    public long RepairedBytes => _journal.RepairedBytes;

    /// <summary>What opening found wrong with the file, in a sentence or two for whoever started the run; null when all is well.</summary>
    public string? Problems
    {
        get
        {
            if (SkippedLines == 0 && RepairedBytes == 0)
                return null;
            string text = $"The journal '{Path}':";
            if (SkippedLines > 0)
            {
                string numbers = string.Join(", ", _skipped.Take(NamedLines)) + (SkippedLines > NamedLines ? ", ..." : "");
                text += $" {SkippedLines} of its lines ({numbers}) cannot be used: {_damaged} have a wrong checksum, "
                    + $"{SkippedLines - _damaged} are no entries. "
                    + "They stay in the file, and what they answered is asked again.";
            }

            return RepairedBytes > 0 ? text + $" A torn last line of {RepairedBytes} bytes was removed, the trace of an interrupted run."
                : text;
        }
    }

    /// <summary>The newest entry of a key; null when there is none.</summary>
    public T? Find(string key) => _lines.TryGetValue(key, out byte[]? line) ? JsonSerializer.Deserialize(line, _type) : null;

    /// <summary>Appends an entry.</summary>
    /// <exception cref="JournalWriteException">It could not be written, or the journal is closed; the file is as it was.</exception>
    public void Add(T entry)
    {
        byte[] line = JsonSerializer.SerializeToUtf8Bytes(entry, _type);
        try
        {
            _journal.Append(line);
        }
        catch (Exception e)
        {
            throw e is ObjectDisposedException
                ? Closed(e)
                : new JournalWriteException(
                    $"The journal '{Path}' cannot be written: {e.Message} Make room or give the run another place; what the journal holds "
                    + $"is safe.", e);
        }

        _lines[_key(entry)] = line;
    }

    /// <summary>The newest entry of each key, in no particular order.</summary>
    public IEnumerable<T> Entries() => _lines.Values.Select(line => JsonSerializer.Deserialize(line, _type)!);

    /// <summary>The entry of a key, made once however many ask for it at the same time.</summary>
    /// <param name="key">The key.</param>
    /// <param name="usable">Whether a stored entry will do.</param>
    /// <param name="make">Makes the entry; it is stored before it is returned, under the same key.</param>
    /// <param name="cancellationToken">Stops waiting for another caller's entry.</param>
    /// <returns>The entry, and whether it was there already.</returns>
    /// <exception cref="JournalWriteException">The entry could not be written, or the journal is closed: then nothing was made.</exception>
    public async Task<(T Entry, bool Found)> GetOrAddAsync(string key, Func<T, bool> usable, Func<Task<T>> make,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(usable);
        ArgumentNullException.ThrowIfNull(make);
        while (true)
        {
            if (Find(key) is { } entry && usable(entry))
                return (entry, true);
            if (_disposed)
                throw Closed(null); // before anything is paid for
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task first = _underWay.GetOrAdd(key, mine.Task);
            if (first != mine.Task)
            {
                await first.WaitAsync(cancellationToken).ConfigureAwait(false); // then look again: the other caller may have failed
                continue;
            }

            try
            {
                // Another caller may have finished between the look-up and the claim.
                if (Find(key) is { } late && usable(late))
                    return (late, true);
                T made = await make().ConfigureAwait(false);
                Add(made);
                return (made, false);
            }
            finally
            {
                _underWay.TryRemove(key, out _);
                mine.SetResult();
            }
        }
    }

    /// <summary>Closes the journal and lets other processes have it.</summary>
    public void Dispose()
    {
        _disposed = true;
        _journal.Dispose();
    }

    private void Read(JournalLine line)
    {
        try
        {
            if (JsonSerializer.Deserialize(line.Json.Span, _type) is { } entry)
            {
                _lines[_key(entry)] = line.Json.ToArray();
                return;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or FormatException)
        {
            // Not an entry: bad JSON, a field of another type, half a surrogate pair, no key.
        }

        _skipped.Add(line.Number);
    }

    private JournalWriteException Closed(Exception? cause) =>
        new($"The journal '{Path}' was closed while a run still needed it. Dispose it after the last call.", cause);
}
