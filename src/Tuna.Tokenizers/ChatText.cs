namespace Tuna.Tokenizers;

/// <summary>What the chat templates share: one user turn from an instruction and its input, without the template's own markers.</summary>
internal static class ChatText
{
    /// <summary>The instruction and, after a blank line, its input; trimmed as the published templates trim a turn.</summary>
    public static string User(string[] markers, string instruction, string? input)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        Refuse(markers, instruction, nameof(instruction));
        Refuse(markers, input, nameof(input));
        return (string.IsNullOrEmpty(input) ? instruction : $"{instruction}\n\n{input}").Trim();
    }

    public static void Refuse(string[] markers, string? text, string name)
    {
        string? marker = text is null ? null : Array.Find(markers, m => text.Contains(m, StringComparison.Ordinal));
        if (marker is not null)
            throw new ArgumentException(
                $"The {name} holds '{marker}', which the chat template uses itself and which could forge a turn; take it out.", name);
    }
}
