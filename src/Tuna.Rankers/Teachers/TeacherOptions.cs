using Tuna.Chat;
using Tuna.Data.Prompts;

namespace Tuna.Rankers.Teachers;

/// <summary>How a teacher samples; the defaults are the paper's.</summary>
public sealed record TeacherOptions
{
    /// <summary>Turns an instruction into the prompt. Default: the Alpaca prompt.</summary>
    public IPromptTemplate Template { get; init; } = AlpacaPromptTemplate.Instance;

    /// <summary>The model to ask for; null leaves it to the client. Not used by local policies.</summary>
    public string? Model { get; init; }

    /// <summary>Sampling temperature, [0, 2]. Default 1.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Nucleus sampling, (0, 1]. Default 1.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Most tokens of a response, at least 1. Default 512.</summary>
    public int MaxTokens { get; init; } = 512;

    /// <summary>Seed; response k of a row is drawn with a seed derived from it, the row and k. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing or outside its range; the message says which.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Template);
        if (Temperature is not (>= 0 and <= 2))
            throw new ArgumentOutOfRangeException(nameof(Temperature), Temperature, "It is in [0, 2].");
        if (TopP is not (> 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(TopP), TopP, "It is in (0, 1].");
        if (MaxTokens < 1)
            throw new ArgumentOutOfRangeException(nameof(MaxTokens), MaxTokens, "It is at least 1.");
    }
}
