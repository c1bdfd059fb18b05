namespace Tuna.Evaluation.NaturalInstructions;

/// <summary>What a prompt of Super-NaturalInstructions holds: the switches of the Tk-Instruct collator.</summary>
public sealed record NaturalPromptSettings
{
    /// <summary>The definition and no example: the paper's 0-shot setting.</summary>
    public static NaturalPromptSettings ZeroShot { get; } = new();

    /// <summary>The definition and up to two positive examples: the paper's 2-shot setting.</summary>
    public static NaturalPromptSettings TwoShot { get; } = new() { PositiveExamples = 2 };

    /// <summary>Whether the task's name stands in front. Default false.</summary>
    public bool TaskName { get; init; }

    /// <summary>Whether the definition is given. Default true.</summary>
    public bool Definition { get; init; } = true;

    /// <summary>Most positive examples, at least 0. Default 0.</summary>
    public int PositiveExamples { get; init; }

    /// <summary>Most negative examples, at least 0. Default 0.</summary>
    public int NegativeExamples { get; init; }

    /// <summary>Whether examples are explained. Default false.</summary>
    public bool Explanations { get; init; }

    /// <summary>Longest prompt in tokens, at least 1: examples that do not fit are left out, and what is still too long is cut at its end.
    /// Default 1024.</summary>
    public int MaxSourceTokens { get; init; } = 1024;

    /// <summary>Most new tokens of an answer, at least 1. Default 128.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(PositiveExamples);
        ArgumentOutOfRangeException.ThrowIfNegative(NegativeExamples);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSourceTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxNewTokens, 1);
    }
}
