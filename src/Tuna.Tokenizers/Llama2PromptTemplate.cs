using Tuna.Data.Prompts;

namespace Tuna.Tokenizers;

/// <summary>
/// The chat prompt of LLaMA 2: <c>[INST] &lt;&lt;SYS&gt;&gt; system &lt;&lt;/SYS&gt;&gt; user [/INST]</c>, byte for byte as Meta's code
/// writes a first turn.
/// </summary>
/// <remarks>The begin token is the tokenizer's (<c>BosId</c>) and not part of the text. The markers are plain text to LLaMA 2, so any
/// tokenizer encodes them.</remarks>
public sealed class Llama2PromptTemplate : IPromptTemplate
{
    private static readonly string[] Markers = ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"];
    private readonly string? _system;

    /// <summary>Creates a template.</summary>
    /// <param name="system">The system message; null or empty for none.</param>
    /// <exception cref="ArgumentException">The message holds one of the template's own markers.</exception>
    public Llama2PromptTemplate(string? system = null)
    {
        _system = string.IsNullOrEmpty(system) ? null : system;
        ChatText.Refuse(Markers, system, nameof(system));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The instruction or the input holds one of the template's own markers, which could forge a
    /// turn.</exception>
    public string Format(string instruction, string? input = null)
    {
        string user = ChatText.User(Markers, instruction, input);
        // Meta's code trims the whole turn, system message included.
        string turn = _system is null ? user : $"<<SYS>>\n{_system}\n<</SYS>>\n\n{user}";
        return $"[INST] {turn.Trim()} [/INST]";
    }
}
