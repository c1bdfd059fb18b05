namespace Tuna.Data.Prompts;

/// <summary>Turns an instruction and its optional input into the text that a policy continues.</summary>
/// <remarks>Implementations are immutable and thread-safe. The same arguments always give the same text.</remarks>
public interface IPromptTemplate
{
    /// <summary>The prompt of an instruction.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="input">The instruction's input; null or empty when there is none.</param>
    string Format(string instruction, string? input = null);
}
