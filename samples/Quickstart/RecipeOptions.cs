using Tuna.Data.Prompts;

namespace Quickstart;

/// <summary>Settings of the recipe. N, tau, beta, margin and lambda are the paper's; the learning rates fit a model of a million
/// parameters.</summary>
internal sealed record RecipeOptions
{
    /// <summary>The exercises' prompt: Alpaca's without its preamble, since a byte is a token here.</summary>
    public static readonly IPromptTemplate Template = new TextPromptTemplate(
        "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
        "### Instruction:\n{instruction}\n\n### Response:\n");

    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Training instructions per stage.</summary>
    public int Instructions { get; init; } = 480;

    /// <summary>Held-out exercises of the table.</summary>
    public int HeldOut { get; init; } = 240;

    /// <summary>Responses per instruction, N.</summary>
    public int Responses { get; init; } = 4;

    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Who judges.</summary>
    public JudgeChoice Judge { get; init; } = JudgeChoice.Offline;

    /// <summary>Learning rate from the SFT policy (the paper: 1e-5).</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>Learning rate from Tuna_p (the paper: a tenth).</summary>
    public double SecondLearningRate => LearningRate / 2;
}
