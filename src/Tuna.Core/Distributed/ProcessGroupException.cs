namespace Tuna.Distributed;

/// <summary>The processes of a group cannot go on together: one is gone, does not answer, or does other work than the rest.</summary>
public sealed class ProcessGroupException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, on which rank, and what to do.</param>
    /// <param name="inner">What caused it, if anything.</param>
    public ProcessGroupException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
