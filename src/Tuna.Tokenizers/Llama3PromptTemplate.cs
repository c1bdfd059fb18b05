using Tuna.Data.Prompts;

namespace Tuna.Tokenizers;

/// <summary>
/// The chat prompt of LLaMA 3: turns of <c>&lt;|start_header_id|&gt;role&lt;|end_header_id|&gt;</c>, a blank line, the message and
/// <c>&lt;|eot_id|&gt;</c>, then the assistant's header.
/// </summary>
/// <remarks>
/// The markers are special tokens: encode with <see cref="HuggingFaceTokenizer.ForChatPrompts"/> and let <c>&lt;|eot_id|&gt;</c> end
/// responses. The begin token is the
/// tokenizer's (<c>BosId</c>) and not part of the text. LLaMA 3.1's templates add a knowledge cutoff and a date to the system message; give
/// them in <c>system</c> where they are wanted.
/// </remarks>
public sealed class Llama3PromptTemplate : IPromptTemplate
{
    private static readonly string[] Markers =
        ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>"];
    private readonly string _start;

    /// <summary>Creates a template.</summary>
    /// <param name="system">The system message; null or empty for none.</param>
    /// <exception cref="ArgumentException">The message holds one of the template's own markers.</exception>
    public Llama3PromptTemplate(string? system = null)
    {
        ChatText.Refuse(Markers, system, nameof(system));
        _start = string.IsNullOrEmpty(system) ? "" : Turn("system", system.Trim());
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The instruction or the input holds one of the template's own markers, which could forge a
    /// turn.</exception>
    public string Format(string instruction, string? input = null) =>
        _start + Turn("user", ChatText.User(Markers, instruction, input)) + "<|start_header_id|>assistant<|end_header_id|>\n\n";

    private static string Turn(string role, string message) => $"<|start_header_id|>{role}<|end_header_id|>\n\n{message}<|eot_id|>";
}
