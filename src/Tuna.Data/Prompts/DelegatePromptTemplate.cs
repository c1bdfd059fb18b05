namespace Tuna.Data.Prompts;

/// <summary>A prompt made by a function.</summary>
/// <param name="format">Takes the instruction and the input (null or empty when there is none); it must be pure and thread-safe.</param>
public sealed class DelegatePromptTemplate(Func<string, string?, string> format) : IPromptTemplate
{
    private readonly Func<string, string?, string> _format = format ?? throw new ArgumentNullException(nameof(format));

    /// <inheritdoc/>
    public string Format(string instruction, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return _format(instruction, input) ?? throw new InvalidOperationException("The prompt function returned null.");
    }
}
