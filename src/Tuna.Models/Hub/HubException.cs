namespace Tuna.Models.Hub;

/// <summary>The hub cannot give what was asked for: it is not there, not allowed, not reachable, or not what it should be. Says what to
/// do.</summary>
/// <param name="message">What happened.</param>
/// <param name="inner">Why, or null.</param>
public sealed class HubException(string message, Exception? inner = null) : IOException(message, inner);
