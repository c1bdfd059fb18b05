using System.Diagnostics;
using System.Globalization;
using Tuna.Distributed.Mpi;

namespace Tuna.Distributed;

/// <summary>The processes that an MPI launcher started: <c>mpirun -n 4 ...</c>, <c>srun --mpi=pmix ...</c>.</summary>
/// <remarks>
/// One binding for Open MPI 4 and 5, MPICH and those of its ABI, and the MPI 5 ABI. A process that dies ends the job within seconds, by its
/// launcher; one that hangs ends it after
/// <see cref="MpiOptions.Timeout"/>. Waiting processes sleep after some milliseconds, so that idle ranks leave their cores to busy ones.
/// MPI begins once in a process and ends once: disposing waits for all processes, so that one that fails calls <see cref="Abort"/> instead.
/// </remarks>
public sealed unsafe class MpiProcessGroup : TreeGroup
{
    // Messages are a few milliseconds apart while all compute; whoever waits longer waits for work.
    private static readonly TimeSpan SpinFor = TimeSpan.FromMilliseconds(20);

    private readonly MpiLibrary _mpi;
    private readonly TimeSpan _timeout;

    private MpiProcessGroup(MpiLibrary mpi, int rank, int size, int localRank, TimeSpan timeout)
        : base(rank, size)
    {
        _mpi = mpi;
        _timeout = timeout;
        LocalRank = localRank;
        LibraryVersion = mpi.Version();
    }

    /// <summary>This process's number among those on its machine: which GPU is its.</summary>
    public int LocalRank { get; }

    /// <summary>The library and its version.</summary>
    public string LibraryVersion { get; }

    /// <summary>How many processes the launcher started; 1 without one.</summary>
    public static int LaunchedSize => MpiLauncher.Of(Environment.GetEnvironmentVariable)?.Size ?? 1;

    /// <summary>How many of them run on this machine; 1 without a launcher.</summary>
    public static int LaunchedLocalSize => MpiLauncher.Of(Environment.GetEnvironmentVariable)?.LocalSize ?? 1;

    /// <summary>Lets this process see one GPU alone: that of its number on this machine among those that it sees (CUDA_VISIBLE_DEVICES).
    /// Call it before libtorch is loaded; without a launcher it does nothing.</summary>
    /// <returns>The GPU's name in CUDA_VISIBLE_DEVICES, or null where nothing was changed.</returns>
    public static string? SeeOwnGpu()
    {
        const string Variable = "CUDA_VISIBLE_DEVICES";
        if (MpiLauncher.Of(Environment.GetEnvironmentVariable) is not { } launcher
            || GpuOf(launcher.LocalRank, Environment.GetEnvironmentVariable(Variable)) is not { } gpu)
            return null;
        MpiLibrary.SetVariable(Variable, gpu);
        Environment.SetEnvironmentVariable(Variable, gpu); // for processes that this one starts
        return gpu;
    }

    /// <summary>The GPU of a local rank; null where a launcher has given the process one already.</summary>
    internal static string? GpuOf(int localRank, string? visible)
    {
        if (string.IsNullOrEmpty(visible))
            return localRank.ToString(CultureInfo.InvariantCulture);
        string[] gpus = visible.Split(',', StringSplitOptions.TrimEntries);
        return gpus.Length == 1 ? null : gpus[localRank % gpus.Length];
    }

    /// <summary>Joins the other processes; call it once in a process.</summary>
    /// <param name="options">Options; null for the defaults.</param>
    /// <exception cref="MpiUnavailableException">No MPI library is there, or it cannot be used.</exception>
    /// <exception cref="ProcessGroupException">The library is another MPI's than the launcher, or the number of processes is no power of
    /// two.</exception>
    public static MpiProcessGroup Start(MpiOptions? options = null)
    {
        options ??= new MpiOptions();
        options.Validate();
        MpiLauncher? launcher = MpiLauncher.Of(Environment.GetEnvironmentVariable);
        MpiLibrary mpi = MpiLibrary.Load(options.Library is { } name ? [name] : MpiLibrary.Names(launcher), launcher);
        (int rank, int size) = mpi.Initialize();
        if (launcher is not null && launcher.Size != size)
        {
            // Every process would be rank 0 of a group of its own, and all would write the same files.
            throw new ProcessGroupException(
                $"{launcher.Name} started {launcher.Size} processes, but {mpi.Version()} ({mpi.Name}) sees {size}: the launcher is "
                + $"another MPI's than the library. Use that library's own launcher, or name the launcher's library.");
        }

        if (!int.IsPow2(size))
            throw new ProcessGroupException($"There are {size} processes; start a power of two of them (1, 2, 4, 8, ...).");
        return new MpiProcessGroup(mpi, rank, size, launcher?.LocalRank ?? 0, options.Timeout);
    }

    /// <inheritdoc/>
    public override void AllGather(ReadOnlySpan<double> mine, Span<double> all)
    {
        if (all.Length != (long)mine.Length * Size)
            throw new ArgumentException($"{Size} times {mine.Length} numbers do not fit {all.Length}.", nameof(all));
        fixed (double* m = mine, a = all)
            Wait(_mpi.AllGather(m, mine.Length, a), 0);
    }

    /// <inheritdoc/>
    public override void Broadcast(Span<byte> bytes, int root = 0)
    {
        fixed (byte* b = bytes)
            Wait(_mpi.Broadcast(b, bytes.Length, root), 0);
    }

    /// <inheritdoc/>
    public override void Abort(int exitCode) => _mpi.Abort(exitCode);

    /// <inheritdoc/>
    protected override void Exchange(ReadOnlySpan<byte> send, Span<byte> receive, int peer)
    {
        fixed (byte* s = send, r = receive)
        {
            nint receiving = receive.IsEmpty ? 0 : _mpi.Receive(r, receive.Length, peer);
            nint sending = send.IsEmpty ? 0 : _mpi.Send(s, send.Length, peer);
            Wait(receiving, sending);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _mpi.EndAll();
        base.Dispose(disposing);
    }

    private void Wait(nint first, nint second)
    {
        long start = Stopwatch.GetTimestamp();
        bool firstDone = first == 0, secondDone = second == 0;
        while (true)
        {
            firstDone = firstDone || _mpi.Test(ref first);
            secondDone = secondDone || _mpi.Test(ref second);
            if (firstDone && secondDone)
                return;
            TimeSpan waited = Stopwatch.GetElapsedTime(start);
            if (waited > _timeout)
                throw new ProcessGroupException(
                    $"Rank {Rank} has waited {waited.TotalSeconds:0} s for another process. It hangs, or the timeout is too short; start "
                    + $"the job again, it goes on from its last checkpoint.");
            if (waited < SpinFor)
                Thread.Yield();
            else
                Thread.Sleep(1);
        }
    }
}
