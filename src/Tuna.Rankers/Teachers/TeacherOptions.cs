using Tuna.Data.Prompts;
using Tuna.Rankers.Calls;

namespace Tuna.Rankers.Teachers;

/// <summary>How a teacher samples; the defaults are the paper's.</summary>
public sealed class TeacherOptions
{
    /// <summary>Turns an instruction into the prompt. Default: the Alpaca prompt.</summary>
    public IPromptTemplate Template { get; set; } = AlpacaPromptTemplate.Instance;

    /// <summary>The model to ask for; null leaves it to the client. Not used by local policies.</summary>
    public string? Model { get; set; }

    /// <summary>Sampling temperature, [0, 2]. Default 1.</summary>
    public float Temperature { get; set; } = 1;

    /// <summary>Nucleus sampling, (0, 1]. Default 1.</summary>
    public float TopP { get; set; } = 1;

    /// <summary>Most tokens of a response, at least 1. Default 512.</summary>
    public int MaxTokens { get; set; } = 512;

    /// <summary>Seed; response k of a row is drawn with a seed derived from it, the row and k. Default 0.</summary>
    public ulong Seed { get; set; }

    /// <summary>What the model's tokens cost. Default: nothing.</summary>
    public TokenPrices Prices { get; set; } = TokenPrices.None;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Template);
        ArgumentNullException.ThrowIfNull(Prices);
        if (Temperature is not (>= 0 and <= 2))
            throw new ArgumentException($"{nameof(Temperature)} is {Temperature}; it is in [0, 2].");
        if (TopP is not (> 0 and <= 1))
            throw new ArgumentException($"{nameof(TopP)} is {TopP}; it is in (0, 1].");
        if (MaxTokens < 1)
            throw new ArgumentException($"{nameof(MaxTokens)} is {MaxTokens}; it is at least 1.");
    }
}
