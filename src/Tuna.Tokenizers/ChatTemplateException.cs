namespace Tuna.Tokenizers;

/// <summary>A chat template cannot render a conversation: it refuses it, or needs what is not there, or exceeds what a template may
/// take.</summary>
/// <param name="message">What happened, with the template's line.</param>
/// <param name="line">The line of the template, from 1.</param>
public sealed class ChatTemplateException(string message, int line) : ArgumentException(message)
{
    /// <summary>The line of the template, from 1.</summary>
    public int Line { get; } = line;
}
