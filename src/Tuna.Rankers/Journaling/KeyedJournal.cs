using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tuna.Data;
using Tuna.IO;

namespace Tuna.Rankers.Journaling;

/// <summary>An append-only JSONL file of entries with a key, and the newest entry of each key in memory.</summary>
/// <remarks>
/// Survives being killed at any byte and admits one process at a time, as <see cref="JsonlJournal"/> does. Entries are kept in memory as the UTF-8 bytes
/// of their lines. Lines that are not entries are left alone and counted. Thread-safe.
/// </remarks>
internal sealed class KeyedJournal<T> : IDisposable
    where T : class
{
    private readonly ConcurrentDictionary<string, byte[]> _lines = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _underWay = new(StringComparer.Ordinal);
    private readonly JsonlJournal _journal;
    private readonly JsonTypeInfo<T> _type;
    private readonly Func<T, string> _key;

    public KeyedJournal(string path, JournalDurability durability, JsonTypeInfo<T> type, Func<T, string> key)
    {
        _type = type;
        _key = key;
        _journal = JsonlJournal.Open(path, durability);
        foreach (JournalLine line in _journal.ReadLines())
        {
            try
            {
                if (JsonSerializer.Deserialize(line.Json.Span, type) is { } entry)
                    _lines[key(entry)] = line.Json.ToArray();
            }
            catch (JsonException)
            {
                SkippedLines++;
            }
        }
    }

    /// <summary>Entries with different keys.</summary>
    public int Count => _lines.Count;

    /// <summary>Lines that are not entries.</summary>
    public int SkippedLines { get; }

    /// <summary>Bytes of a torn last line that opening removed.</summary>
    public long RepairedBytes => _journal.RepairedBytes;

    public T? Find(string key) => _lines.TryGetValue(key, out byte[]? line) ? JsonSerializer.Deserialize(line, _type) : null;

    public void Add(T entry)
    {
        byte[] line = JsonSerializer.SerializeToUtf8Bytes(entry, _type);
        try
        {
            _journal.Append(line);
        }
        catch (Exception e) when (e is not ObjectDisposedException)
        {
            throw new JournalWriteException($"The journal '{_journal.Path}' cannot be written: {e.Message} Make room or give the run another place; what the journal holds is safe.", e);
        }

        _lines[_key(entry)] = line;
    }

    public IEnumerable<T> Entries() => _lines.Values.Select(line => JsonSerializer.Deserialize(line, _type)!);

    /// <summary>The entry of a key, made once however many ask for it at the same time.</summary>
    /// <param name="key">The key.</param>
    /// <param name="usable">Whether a stored entry will do.</param>
    /// <param name="make">Makes the entry; it is stored before it is returned.</param>
    /// <param name="cancellationToken">Stops waiting for another caller's entry.</param>
    /// <returns>The entry, and whether it was there already.</returns>
    public async Task<(T Entry, bool Found)> GetOrAddAsync(string key, Func<T, bool> usable, Func<Task<T>> make, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (Find(key) is { } entry && usable(entry))
                return (entry, true);
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

    public void Dispose() => _journal.Dispose();
}
