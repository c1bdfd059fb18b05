namespace Tuna.Distributed;

/// <summary>There is no MPI library that can be used here; the message says what was tried and what to install.</summary>
public sealed class MpiUnavailableException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was tried, and what to do.</param>
    /// <param name="inner">What caused it, if anything.</param>
    public MpiUnavailableException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
