using System.Text.Json;

namespace Tuna.Tokenizers;

/// <summary>What a chat template is given besides the conversation. Immutable.</summary>
public sealed record ChatTemplateOptions
{
    /// <summary>Whether the text ends with the beginning of the assistant's answer. Default true.</summary>
    public bool AddGenerationPrompt { get; init; } = true;

    /// <summary>Variables by their names in the template: <c>tools</c>, <c>documents</c>, <c>enable_thinking</c>, or whatever it asks for.
    /// Default none.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The clock of templates that write the date. Default the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
