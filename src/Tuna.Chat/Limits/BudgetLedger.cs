using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tuna.IO;

namespace Tuna.Chat.Limits;

/// <summary>A file in which several processes, on one machine or several with a file system in common, keep one budget together.</summary>
/// <remarks>
/// Every call is set aside in the file before it is made, with the most that it can cost, and settled there afterwards; the file is only
/// appended to, under a lock (<see cref="FileLock"/>). So the processes together stay within the limit that each of them is given, whatever
/// happens to any of them: what a process that died had set aside counts as spent, since its calls may have been made. Who has died is told
/// by the lock that each process holds as long as it lives, not by a clock. The file system must know locks. Thread-safe.
/// </remarks>
public sealed class BudgetLedger : IDisposable
{
    // Another process holds the lock for one short write; how long until it is tried again, and how often before that is no longer so.
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(200);
    private const int MostRetries = 60_000;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly LedgerState _state = new();
    private readonly TimeProvider _time;
    private FileLock? _alive;
    private int _self;
    private long _read;
    private long _lines;

    private BudgetLedger(string path, TimeProvider time)
    {
        Path = System.IO.Path.GetFullPath(path);
        _time = time;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Joins a ledger, which is created when it is missing.</summary>
    /// <param name="path">The file, the same one for all processes.</param>
    /// <param name="source">Names what this process spent before it had a ledger, such as its journal: counted once for each name.</param>
    /// <param name="spentBefore">What that was; nothing when null.</param>
    /// <param name="time">The clock of its waits; the system's when null.</param>
    /// <param name="cancellationToken">Stops waiting for the file.</param>
    /// <exception cref="InvalidDataException">The file is no ledger, or a line of it is damaged; names the line.</exception>
    /// <exception cref="JournalWriteException">It cannot be written.</exception>
    public static async Task<BudgetLedger> OpenAsync(string path, string? source = null, CallUsage? spentBefore = null,
        TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var ledger = new BudgetLedger(path, time ?? TimeProvider.System);
        try
        {
            await ledger.TransactAsync(append =>
            {
                ledger.Join(append, source, spentBefore ?? CallUsage.None);
                return true;
            }, cancellationToken).ConfigureAwait(false);
            return ledger;
        }
        catch
        {
            ledger.Dispose();
            throw;
        }
    }

    /// <summary>What all processes have spent and what those that died may have, in tokens, when this one last looked.</summary>
    public long UsedTokens => _state.UsedTokens;

    /// <summary>The same in money.</summary>
    public decimal UsedCost => _state.UsedCost;

    /// <summary>Leaves. What is not settled counts as spent.</summary>
    public void Dispose()
    {
        _alive?.Dispose();
        _turn.Dispose();
    }

    /// <summary>Sets aside what a call can cost; waits while only calls under way, of any process that lives, stand against it.</summary>
    /// <returns>The claim's number.</returns>
    /// <exception cref="BudgetExhaustedException">It does not fit into what is left.</exception>
    internal async Task<long> ReserveAsync(long tokens, decimal cost, long? maxTokens, decimal? maxCost,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            long claim = await TransactAsync(append => Claim(append, tokens, cost, maxTokens, maxCost), cancellationToken)
                .ConfigureAwait(false);
            if (claim >= 0)
                return claim;
            await Task.Delay(s_poll, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Gives a claim back and books what was really used.</summary>
    internal Task SettleAsync(long claim, CallUsage used) => TransactAsync(append =>
    {
        append(json =>
        {
            json.WriteNumber("settle", claim);
            Write(json, used);
        });
        return true;
    }, CancellationToken.None);

    private void Join(Action<Action<Utf8JsonWriter>> append, string? source, CallUsage spentBefore)
    {
        for (int holder = 0; holder < _state.Holders; holder++)
        {
            if (File.Exists(HolderOf(holder) + FileLock.Suffix))
                BuryIfDead(append, holder);
        }

        _self = _state.Holders;
        _alive = FileLock.Acquire(HolderOf(_self));
        append(json =>
        {
            json.WriteNumber("join", _self);
            json.WriteString("process", string.Create(CultureInfo.InvariantCulture,
                $"{Environment.ProcessId} ({AppDomain.CurrentDomain.FriendlyName}) on {Environment.MachineName}"));
        });
        if (source is not null && !_state.Knows(source))
        {
            append(json =>
            {
                json.WriteString("brought", source);
                Write(json, spentBefore);
            });
        }
    }

    // The claim's number, or -1 where it fits once calls under way have settled.
    private long Claim(Action<Action<Utf8JsonWriter>> append, long tokens, decimal cost, long? maxTokens, decimal? maxCost)
    {
        if (Fits(_state.OpenTokens, _state.OpenCost))
        {
            long claim = _state.Claims;
            append(json =>
            {
                json.WriteNumber("claim", claim);
                json.WriteNumber("by", _self);
                json.WriteNumber("tokens", tokens);
                json.WriteNumber("cost", cost);
            });
            return claim;
        }

        foreach (int holder in _state.Open.Values.Select(claim => claim.By).Distinct().Where(by => by != _self).ToList())
            BuryIfDead(append, holder);
        if (_state.Open.Count > 0 && Fits(0, 0))
            return -1;
        throw new BudgetExhaustedException(Explain(tokens, cost, maxTokens));

        bool Fits(long openTokens, decimal openCost) => !(_state.UsedTokens + openTokens + tokens > maxTokens)
            && !(_state.UsedCost + openCost + cost > maxCost);
    }

    private string Explain(long tokens, decimal cost, long? maxTokens)
    {
        string shared = $", which several runs share ({Path}), does not cover another call: ";
        string lost = _state.LostTokens == 0 ? "" : " or may be, by calls of runs that died,";
        return _state.UsedTokens + tokens > maxTokens
            ? $"The budget of {maxTokens} tokens{shared}{_state.UsedTokens} are spent,{lost} and this call may need up to {tokens}."
            : string.Create(CultureInfo.InvariantCulture,
                $"The budget{shared}{_state.UsedCost:0.######} is spent,{lost} and this call may cost up to {cost:0.######}.");
    }

    private string HolderOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{Path}.{number}");

    // A lock that can be had is of a process that has ended; what it had set aside may have been spent.
    private void BuryIfDead(Action<Action<Utf8JsonWriter>> append, int holder)
    {
        try
        {
            using FileLock free = FileLock.Acquire(HolderOf(holder));
            foreach (long claim in _state.Open.Where(open => open.Value.By == holder).Select(open => open.Key).ToList())
                append(json => json.WriteNumber("lost", claim));
        }
        catch (FileInUseException)
        {
            // It lives.
        }
    }

    // Alone in this process and among all: reads what others have written, acts, and appends.
    private async Task<T> TransactAsync<T>(Func<Action<Action<Utf8JsonWriter>>, T> act, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using FileLock held = await LockAsync(cancellationToken).ConfigureAwait(false);
            using var stream = new FileStream(Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            CatchUp(stream);
            return act(write => Append(stream, write));
        }
        catch (Exception e) when (e is IOException and not FileInUseException or UnauthorizedAccessException)
        {
            throw new JournalWriteException($"The budget's ledger '{Path}' cannot be written: {e.Message}", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<FileLock> LockAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return FileLock.Acquire(Path);
            }
            catch (FileInUseException e) when (attempt < MostRetries)
            {
                _ = e; // somebody writes a line
            }
            catch (FileInUseException e)
            {
                throw new JournalWriteException($"The budget's ledger stays locked: {e.Message}", e);
            }

            await Task.Delay(s_retry, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void CatchUp(FileStream stream)
    {
        if (stream.Length < _read)
            throw new InvalidDataException($"The budget's ledger '{Path}' was shortened while it was in use; what was spent is not known.");
        stream.Seek(_read, SeekOrigin.Begin);
        byte[] added = new byte[stream.Length - _read];
        stream.ReadExactly(added);
        int start = 0;
        for (int length; (length = added.AsSpan(start).IndexOf((byte)'\n')) >= 0; start += length + 1)
            Apply(added.AsMemory(start, length));
        // Half a line is of a process that was killed while it wrote: its claim was not made yet, its settling not said.
        if (start < added.Length)
            stream.SetLength(_read + start);
        _read += start;
        stream.Seek(_read, SeekOrigin.Begin);
    }

    private void Append(FileStream stream, Action<Utf8JsonWriter> write)
    {
        var line = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        try
        {
            stream.Write(line.WrittenSpan);
        }
        catch
        {
            stream.SetLength(_read); // a full disk may have taken half of it
            throw;
        }

        _read += line.WrittenCount;
        Apply(line.WrittenMemory[..^1]);
    }

    private void Apply(ReadOnlyMemory<byte> line)
    {
        _lines++;
        try
        {
            _state.Apply(line);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException(
                $"'{Path}', line {_lines}: this is no line of a budget's ledger: {e.Message} Take another file, or delete this one, which "
                + "forgets what was spent.", e);
        }
    }

    private static void Write(Utf8JsonWriter json, CallUsage usage)
    {
        json.WriteNumber("calls", usage.Calls);
        json.WriteNumber("input", usage.InputTokens);
        json.WriteNumber("output", usage.OutputTokens);
        json.WriteNumber("cost", usage.Cost);
    }
}
