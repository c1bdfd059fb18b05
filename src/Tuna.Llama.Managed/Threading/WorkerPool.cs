using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Threading;

/// <summary>Work that every worker does a part of.</summary>
internal interface IParallelJob
{
    /// <summary>Does the part of worker <paramref name="worker"/> out of <paramref name="workers"/>.</summary>
    void Execute(int worker, int workers);
}

/// <summary>Work on a range of independent items.</summary>
internal interface IRangeJob
{
    /// <summary>Does the items <paramref name="from"/> .. <paramref name="to"/> on worker <paramref name="worker"/>.</summary>
    void Execute(int from, int to, int worker);
}

/// <summary>A fixed set of threads that run one job at a time, each a part that depends on its number alone.</summary>
/// <remarks>
/// The partition is static, so a result depends on the number of workers at most, never on timing. The caller is worker 0; a job may
/// meet at <see cref="Barrier"/>. Jobs are structs on the caller's stack: starting one allocates nothing. Idle workers spin for some
/// microseconds, since the next job of a step follows at once, and then sleep. Used by one thread at a time.
/// </remarks>
internal sealed unsafe class WorkerPool : IDisposable
{
    // About 50 microseconds: longer than the gaps between the kernels of a step, far shorter than a human notices.
    private const int SpinsBeforeSleep = 1000;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wakeUps;
    private readonly int[] _asleep;
    private readonly NativeBuffer[,] _scratch;
    private delegate*<void*, int, int, void> _entry;
    private void* _job;
    private int _generation;
    private int _pending;
    private int _barrierArrived;
    private int _barrierPhase;
    private bool _stopping;
    private ExceptionDispatchInfo? _failure;

    public WorkerPool(int workers)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        Workers = workers;
        _threads = new Thread[workers - 1];
        _wakeUps = new SemaphoreSlim[workers];
        _asleep = new int[workers];
        _scratch = new NativeBuffer[workers, Enum.GetValues<ScratchSlot>().Length];
        for (int w = 0; w < workers; w++)
        {
            _wakeUps[w] = new SemaphoreSlim(0);
            for (int s = 0; s < _scratch.GetLength(1); s++)
                _scratch[w, s] = new NativeBuffer();
        }

        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"Tuna worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Number of workers, the caller included.</summary>
    public int Workers { get; }

    /// <summary>Memory of one worker that it may use until it returns from its part.</summary>
    public NativeBuffer Scratch(int worker, ScratchSlot slot) => _scratch[worker, (int)slot];

    /// <summary>Runs every worker's part and returns when all are done. An exception of any part is thrown here.</summary>
    public void Run<TJob>(ref TJob job)
        where TJob : struct, IParallelJob
    {
        if (Workers == 1)
        {
            job.Execute(0, 1);
            return;
        }

        _job = Unsafe.AsPointer(ref job);
        _entry = &Invoke<TJob>;
        _failure = null;
        Volatile.Write(ref _pending, Workers - 1);
        Interlocked.Increment(ref _generation); // publishes the job
        for (int w = 1; w < Workers; w++)
        {
            if (Interlocked.CompareExchange(ref _asleep[w], 0, 1) == 1)
                _wakeUps[w].Release();
        }

        ExecutePart(0);
        var spinner = new SpinWait();
        while (Volatile.Read(ref _pending) != 0)
            spinner.SpinOnce(sleep1Threshold: -1);
        _failure?.Throw();
    }

    /// <summary>Splits <paramref name="count"/> items into one contiguous range per worker. <paramref name="grain"/> is the fewest items
    /// worth a worker.</summary>
    public void For<TJob>(int count, int grain, ref TJob job)
        where TJob : struct, IRangeJob
    {
        if (Workers == 1 || count <= grain)
        {
            if (count > 0)
                job.Execute(0, count, 0);
            return;
        }

        var range = new RangeJob<TJob> { Job = job, Count = count, Grain = grain };
        Run(ref range);
        job = range.Job;
    }

    /// <summary>Waits until all workers of the running job are here. Everything written before is visible after.</summary>
    public void Barrier(int workers)
    {
        if (workers == 1)
            return;
        int phase = Volatile.Read(ref _barrierPhase);
        if (Interlocked.Increment(ref _barrierArrived) == workers)
        {
            _barrierArrived = 0;
            Volatile.Write(ref _barrierPhase, phase + 1);
            return;
        }

        var spinner = new SpinWait();
        while (Volatile.Read(ref _barrierPhase) == phase)
            spinner.SpinOnce(sleep1Threshold: -1);
    }

    /// <summary>First item of part <paramref name="part"/> when <paramref name="count"/> items are split into <paramref name="parts"/>
    /// contiguous parts.</summary>
    public static int PartStart(int count, int part, int parts) => (int)((long)count * part / parts);

    public void Dispose()
    {
        Volatile.Write(ref _stopping, true);
        for (int w = 1; w < Workers; w++)
            _wakeUps[w].Release();
        foreach (Thread thread in _threads)
            thread.Join();
        foreach (SemaphoreSlim wakeUp in _wakeUps)
            wakeUp.Dispose();
        foreach (NativeBuffer buffer in _scratch)
            buffer.Dispose();
    }

    private static void Invoke<TJob>(void* job, int worker, int workers)
        where TJob : struct, IParallelJob => Unsafe.AsRef<TJob>(job).Execute(worker, workers);

    private void ExecutePart(int worker)
    {
        try
        {
            _entry(_job, worker, Workers);
        }
        catch (Exception e)
        {
            // A worker must not end the process, and the caller must not leave while the others work on its stack: it throws this at the
            // end.
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        }
    }

    private void Loop(int worker)
    {
        int seen = 0;
        while (true)
        {
            WaitForJob(worker, seen);
            if (Volatile.Read(ref _stopping))
                return;
            if (Volatile.Read(ref _generation) == seen)
                continue; // a wake-up left over from a job this worker had already noticed
            seen = Volatile.Read(ref _generation);
            ExecutePart(worker);
            Interlocked.Decrement(ref _pending);
        }
    }

    private void WaitForJob(int worker, int seen)
    {
        for (int i = 0; i < SpinsBeforeSleep; i++)
        {
            if (Volatile.Read(ref _generation) != seen || Volatile.Read(ref _stopping))
                return;
            Thread.SpinWait(1);
        }

        Interlocked.Exchange(ref _asleep[worker], 1);
        if (Volatile.Read(ref _generation) != seen || Volatile.Read(ref _stopping))
        {
            // The job came between the last look and falling asleep. If the caller saw the flag, its wake-up is on the way: take it.
            if (Interlocked.CompareExchange(ref _asleep[worker], 0, 1) == 1)
                return;
        }

        _wakeUps[worker].Wait();
    }

    private struct RangeJob<TJob> : IParallelJob
        where TJob : struct, IRangeJob
    {
        public TJob Job;
        public int Count;
        public int Grain;

        public void Execute(int worker, int workers)
        {
            int parts = Math.Min(workers, (Count + Grain - 1) / Grain);
            if (worker >= parts)
                return;
            int from = PartStart(Count, worker, parts);
            int to = PartStart(Count, worker + 1, parts);
            if (from < to)
                Job.Execute(from, to, worker);
        }
    }
}

/// <summary>What a worker's scratch memory is for; each slot is one buffer per worker.</summary>
internal enum ScratchSlot
{
    /// <summary>Packed block of the left operand of a matrix product.</summary>
    PackedA,

    /// <summary>Packed blocks of the right operand; worker 0's is shared in a parallel product.</summary>
    PackedB,

    /// <summary>Attention probabilities of a block of queries.</summary>
    Scores,

    /// <summary>Gradient of <see cref="Scores"/>.</summary>
    ScoreGradients,
}
