using System.Diagnostics.CodeAnalysis;

namespace Tuna.Data.Prompts;

/// <summary>The prompt of Stanford Alpaca, in both its forms, byte for byte: what the paper trains and samples with.</summary>
/// <remarks>Nothing follows the final <c>### Response:</c>; the response starts right there, as in the published training code.</remarks>
public sealed class AlpacaPromptTemplate : IPromptTemplate
{
    private const string HeadWithInput =
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        + "Write a response that appropriately completes the request.\n\n### Instruction:\n";

    private const string HeadWithoutInput = "Below is an instruction that describes a task. "
        + "Write a response that appropriately completes the request.\n\n### Instruction:\n";

    private const string Middle = "\n\n### Input:\n";
    private const string Tail = "\n\n### Response:";

    private static readonly TextPromptTemplate Template = new(
        HeadWithInput + "{instruction}" + Middle + "{input}" + Tail,
        HeadWithoutInput + "{instruction}" + Tail);

    /// <summary>The shared instance (it has no state).</summary>
    public static AlpacaPromptTemplate Instance { get; } = new();

    /// <inheritdoc/>
    public string Format(string instruction, string? input = null) => Template.Format(instruction, input);

    /// <summary>Takes a prompt of this form apart; space after it is allowed.</summary>
    /// <param name="prompt">A prompt.</param>
    /// <param name="instruction">The instruction.</param>
    /// <param name="input">The input, or null when the prompt has none.</param>
    /// <returns>False when the text is not in this form.</returns>
    public static bool TryParse(string prompt, [NotNullWhen(true)] out string? instruction, out string? input)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        (instruction, input) = (null, null);
        ReadOnlySpan<char> text = prompt.AsSpan().TrimEnd();
        if (!text.EndsWith(Tail))
            return false;
        text = text[..^Tail.Length];
        if (text.StartsWith(HeadWithoutInput))
        {
            instruction = text[HeadWithoutInput.Length..].ToString();
            return true;
        }

        if (!text.StartsWith(HeadWithInput))
            return false;
        text = text[HeadWithInput.Length..];
        int middle = text.IndexOf(Middle);
        if (middle < 0)
            return false;
        instruction = text[..middle].ToString();
        input = text[(middle + Middle.Length)..].ToString();
        return true;
    }
}
