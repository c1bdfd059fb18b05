namespace Tuna.IO;

/// <summary>A journal could not be written, on a full disk for instance: a run must stop, or it would pay for work that it cannot
/// keep.</summary>
/// <param name="message">What happened.</param>
/// <param name="innerException">The cause.</param>
public sealed class JournalWriteException(string message, Exception? innerException = null) : Exception(message, innerException);
