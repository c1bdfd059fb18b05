namespace Tuna.Llama;

/// <summary>libtorch or the device asked for is not there; the message says why and what to do.</summary>
public sealed class TorchUnavailableException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    public TorchUnavailableException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>Creates the exception.</summary>
    public TorchUnavailableException()
    {
    }

    /// <summary>Creates the exception.</summary>
    public TorchUnavailableException(string message)
        : base(message)
    {
    }
}
