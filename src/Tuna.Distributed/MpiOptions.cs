namespace Tuna.Distributed;

/// <summary>How to take part in an MPI job.</summary>
public sealed record MpiOptions
{
    /// <summary>Name or path of the MPI library; null looks for the one that belongs to the launcher: <c>libmpi.so.40</c> (Open MPI),
    /// <c>libmpich.so.12</c>, <c>libmpi.so.12</c> (MPICH and those
    /// of its ABI), <c>libmpi_abi.so.1</c> (MPI 5). Default null.</summary>
    public string? Library { get; init; }

    /// <summary>Longest wait for another process, > 0. A process that dies is noticed by the launcher, at once; this is for one that hangs.
    /// Must be longer than an evaluation or a checkpoint of rank 0 takes. Default 1 hour.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option that is out of range.</exception>
    public void Validate()
    {
        if (Timeout <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(Timeout), Timeout, $"{nameof(Timeout)} must be above zero.");
    }
}
