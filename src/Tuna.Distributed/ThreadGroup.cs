using System.Runtime.ExceptionServices;

namespace Tuna.Distributed;

/// <summary>Threads of one process as the ranks of a group: for tests, which need neither MPI nor a launcher.</summary>
/// <remarks>The sums and their order are those of <see cref="MpiProcessGroup"/>: only the messages travel otherwise.</remarks>
public sealed class ThreadGroup : TreeGroup
{
    private readonly Mailboxes _mail;

    private ThreadGroup(int rank, int size, Mailboxes mail)
        : base(rank, size) => _mail = mail;

    /// <summary>Runs ranks, each on a thread of its own, until all are done.</summary>
    /// <param name="size">How many, a power of two.</param>
    /// <param name="body">What each does with its group.</param>
    /// <typeparam name="T">What each returns.</typeparam>
    /// <returns>The results, by rank.</returns>
    /// <exception cref="ProcessGroupException">A rank called <see cref="Abort"/>. When the body throws on one rank, the others are ended
    /// and that exception is thrown.</exception>
    public static IReadOnlyList<T> Run<T>(int size, Func<IProcessGroup, T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var mail = new Mailboxes(size);
        ThreadGroup[] groups = [.. Enumerable.Range(0, size).Select(rank => new ThreadGroup(rank, size, mail))];
        var results = new T[size];
        var failures = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() => Work(rank)) { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        if ((failures.FirstOrDefault(f => f is not (null or ProcessGroupException)) ?? failures.FirstOrDefault(f => f is not null))
            is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        return results;

        void Work(int rank)
        {
            try
            {
                results[rank] = body(groups[rank]);
            }
#pragma warning disable CA1031 // passed on to the caller
            catch (Exception e)
#pragma warning restore CA1031
            {
                failures[rank] = e;
                mail.End($"Rank {rank} has ended: {e.Message}");
            }
        }
    }

    /// <inheritdoc/>
    public override void Abort(int exitCode)
    {
        string why = $"Rank {Rank} has ended all ranks with exit code {exitCode}.";
        _mail.End(why);
        throw new ProcessGroupException(why);
    }

    /// <inheritdoc/>
    protected override void Exchange(ReadOnlySpan<byte> send, Span<byte> receive, int peer)
    {
        if (!send.IsEmpty)
            _mail.Post(Rank, peer, send.ToArray());
        if (!receive.IsEmpty)
            _mail.Take(peer, Rank, receive);
    }

    private sealed class Mailboxes(int size)
    {
        private readonly Queue<byte[]>[] _boxes = [.. Enumerable.Range(0, size * size).Select(_ => new Queue<byte[]>())];
        private readonly Lock _lock = new();
        private readonly SemaphoreSlim[] _arrived = [.. Enumerable.Range(0, size * size).Select(_ => new SemaphoreSlim(0))];
        private string? _ended;

        public void Post(int from, int to, byte[] message)
        {
            lock (_lock)
                _boxes[(from * size) + to].Enqueue(message);
            _arrived[(from * size) + to].Release();
        }

        public void Take(int from, int to, Span<byte> message)
        {
            _arrived[(from * size) + to].Wait();
            byte[] taken;
            lock (_lock)
            {
                if (_boxes[(from * size) + to].Count == 0)
                    throw new ProcessGroupException(_ended!);
                taken = _boxes[(from * size) + to].Dequeue();
            }

            if (taken.Length != message.Length)
                throw new ProcessGroupException(
                    $"Rank {to} expects {message.Length} bytes of rank {from} and received {taken.Length}: the ranks do not do the same.");
            taken.CopyTo(message);
        }

        /// <summary>Wakes whoever waits, or will wait, for what does not come any more.</summary>
        public void End(string why)
        {
            lock (_lock)
                _ended ??= why;
            foreach (SemaphoreSlim arrived in _arrived)
                arrived.Release(1 << 20);
        }
    }
}
